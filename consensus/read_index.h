// ReadIndex: linearizable reads by a quorum round, one round for all that wait.
//
// A read takes the commit slot of the moment it asks. It may be served once a quorum has answered,
// in this ballot, something sent after that moment: then no higher ballot had a leader when it
// asked. Rounds are numbered; every Accept carries the newest. While one is under way, reads that
// ask wait for the next. A value, free of threads.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "base/types.h"
#include "consensus/configurations.h"
#include "consensus/hasher.h"

namespace baton::consensus {

class ReadIndex {
 public:
  // Reads that wait at once; more are refused.
  static constexpr size_t kWaitingMax = 1 << 16;

  struct Read {
    NodeId from;           // a follower's ask; NodeId{}: of this node
    uint64_t read_id = 0;  // or the number of the ask
    Slot slot;
    friend bool operator==(const Read&, const Read&) = default;
  };

  bool Full() const { return under_way_.size() + next_.size() >= kWaitingMax; }
  void Add(Read read) { next_.push_back(read); }

  // Begins a round when reads wait and none is under way. True: send its number to every peer.
  bool BeginRound();
  uint64_t round() const { return round_; }

  void Acknowledged(NodeId node, uint64_t round);
  // The reads of the round under way, once a quorum has acknowledged it; the leader itself has.
  std::vector<Read> TakeConfirmed(const Configurations& configurations, NodeId self);
  std::vector<Read> TakeAll();

  void Feed(Hasher* hasher) const;
  friend bool operator==(const ReadIndex&, const ReadIndex&) = default;

 private:
  uint64_t round_ = 0;                       // newest begun; 0: none yet
  std::vector<Read> under_way_;              // wait for round_
  std::vector<Read> next_;                   // wait for round_ + 1
  std::map<NodeId, uint64_t> acknowledged_;  // newest round, by node; <= round_
};

}  // namespace baton::consensus
