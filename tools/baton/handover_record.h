// Records of handovers and elections, printed. Functions; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "baton/admin.h"
#include "tools/baton/context.h"

namespace baton::cli {

std::string Millis(int64_t us);  // "12.3 ms"
Json JsonOf(const std::vector<HandoverCheckInfo>& checks);

absl::Status Print(const Context& context, const std::vector<HandoverCheckInfo>& checks);
absl::Status Print(const Context& context, const HandoverInfo& handover);
// Those that were asked for, or those that nobody asked for.
absl::Status ListHandovers(const Context& context, bool elections);

// The record with that id.
absl::Status ShowHandover(const Context& context, const std::string& id, bool wait);

}  // namespace baton::cli
