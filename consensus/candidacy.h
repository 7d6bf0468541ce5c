// Candidacy: one attempt of this node to lead. Phase 1, from asking around to holding the log that
// the new reign must build on.
//
//   canvass ─ a quorum would follow ─► prepare ─ a quorum promised ─► adopt ─ holds the best log ─►
//   won
//
// A quorum is one of the newest membership in the log adopted: one that the log brings sends the
// candidate back to prepare, to ask those it has not asked yet.
//
// What it adopts goes to its disk piece by piece: no more than one Fetched is on its way there.
//
// Part of one Replica; a value that lives as long as the attempt.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "base/types.h"
#include "consensus/core.h"
#include "consensus/hasher.h"
#include "consensus/message.h"

namespace baton::consensus {

class Candidacy {
 public:
  enum class Outcome : uint8_t {
    kGoing,
    kWon,      // open the reign of ballot()
    kLost,     // back off
    kGaveWay,  // the best log cannot be had by fetching: let a node that holds more of it lead
  };

  explicit Candidacy(const Core& core);

  // Asks around. A single voter goes on to prepare at once.
  Outcome Begin(Core* core);
  // Prepares at once: the leader of `ended` has dropped its lease for good, and handed over to this
  // node; or it was this node, and nobody has taken over.
  Outcome Succeed(Core* core, const Ballot& ended);
  Outcome OnCanvassReply(Core* core, NodeId from, const CanvassReply& m);
  Outcome OnPersisted(Core* core);
  Outcome OnPromise(Core* core, NodeId from, const Promise& m);
  Outcome OnNack(Core* core, NodeId from, const Nack& m);
  Outcome OnFetched(Core* core, NodeId from, const Fetched& m);
  Outcome OnTick(const Core& core) const;

  bool prepared() const { return phase_ != Phase::kCanvass; }
  Ballot ballot() const { return ballot_; }  // once prepared, this node's own promise
  int64_t deadline_us() const { return deadline_us_; }

  void Feed(Hasher* hasher) const;
  friend bool operator==(const Candidacy&, const Candidacy&) = default;

 private:
  enum class Phase : uint8_t { kCanvass, kPrepare, kAdopt };

  Outcome Prepare(Core* core);
  std::vector<Message> Prepares(Core* core);
  Outcome CountPromise(Core* core, NodeId from, const EntryId& last);
  bool QuorumPromised(const Core& core) const;
  Outcome OutOfReach(const Core& core) const;
  Outcome Adopt(Core* core, const EntryId& prev);
  Outcome AdoptMore(Core* core);
  Outcome Adopted(Core* core);

  Phase phase_ = Phase::kCanvass;
  Ballot ballot_;             // kCanvass: names the canvass; then what is prepared
  int64_t deadline_us_ = 0;   // of this phase, or of the next Fetched; then the attempt is lost
  Ballot succeeds_;           // whose lease binds nobody any more; Ballot{}: it is not known
  std::set<NodeId> granted_;  // kCanvass; with this node
  std::set<NodeId> refused_;  // of this phase
  std::set<NodeId> asked_;    // were sent the Prepare
  std::map<NodeId, EntryId> promises_;  // from kPrepare on: the end of each promiser's log
  uint64_t own_promise_ = 0;  // id of the Persist that makes this node's own promise durable
  NodeId source_;             // kAdopt: owner of the best promise ...
  EntryId target_;            // ... and the end of its log
  EntryId fetch_prev_;        // kAdopt: of the Fetch under way, or of the next
  bool writing_ = false;      // kAdopt: the next waits until this disk has fetch_prev_
};

}  // namespace baton::consensus
