// The CallContext of a request: who calls, on whose behalf, until when. Functions, any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "baton/v1/common.pb.h"
#include "server/replica/node.h"

namespace baton::server {

// A request waits no longer than this, whatever it says.
inline constexpr int64_t kDeadlineUsMax = int64_t{10} * 60 * 1'000'000;
inline constexpr size_t kActorBytesMax = 256;
inline constexpr size_t kReasonBytesMax = 256;  // of what an operator asks for
inline constexpr size_t kTraceparentBytesMax = 256;

// What a gRPC call says of itself.
struct CallOrigin {
  std::string principal;
  std::optional<int64_t> remaining_us;  // until the call's own deadline; nullopt: it has none
};

// Time left until a gRPC deadline; nullopt for one that never comes.
std::optional<int64_t> RemainingUs(std::chrono::system_clock::time_point deadline);

// Fills `*context`. Fails when no deadline is given anywhere, and for what this version does not
// support.
Failure MakeCallContext(const CallOrigin& origin, const v1::RequestContext& request,
                        int64_t lease_now_us, CallContext* context);

// Of what an operator asks for: kept with it, and so bounded.
Failure CheckReason(const std::string& reason);

}  // namespace baton::server
