// AuditChain: the end of the audit as a leader has sequenced it. Each row that it writes goes with
// the change itself, in one entry: neither is there without the other. Reigns, which begin before
// anything can be read, get their rows before the first other one.
//
// Owned by the sequencer.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/types.h"
#include "engine/state/effects.h"
#include "server/codec/audit_row.h"
#include "server/codec/stored_rows.h"

namespace baton::server {

struct AuditEnd {
  uint64_t number = 0;  // of the last row; 0: there is none
  std::string hash = std::string(kAuditHashBytes, '\0');
  Ballot reign;  // reigns up to it have their rows
};

class AuditChain {
 public:
  AuditChain() = default;
  // `reigns`: by ballot, all that have no row yet among them.
  AuditChain(AuditEnd end, std::vector<ReignRow> reigns)
      : end_(std::move(end)), reigns_(std::move(reigns)) {}

  // Within a request of the writer. Number, previous and reign of the row are given here.
  // REQUIRES: the newest of `reigns` is the one that writes.
  void Append(AuditRow row, engine::EffectsWriter* writer);
  // The rows of reigns that have none yet, likewise.
  void AppendReigns(engine::EffectsWriter* writer);

 private:
  void Write(AuditRow row, const Ballot& reign, engine::EffectsWriter* writer);

  AuditEnd end_;
  std::vector<ReignRow> reigns_;  // those up to end_.reign have their rows
};

}  // namespace baton::server
