// Unreplicated: what async keyspaces have sequenced, and what of it they have acknowledged, before
// a quorum has it.
//
// What is acknowledged and not committed is what a failover may take from the client that was told
// so. An acknowledgement with durability LOCAL leaves only if that, with the write itself, is
// within the keyspace's budget: bytes, operations, and the age of the oldest (promise P2). A
// keyspace that fails over its budget refuses by what is sequenced, since what is sequenced cannot
// be refused any more.
//
// A keyspace that is to become sync gives no LOCAL ack from the moment that the change is
// sequenced; one that is to become async none before the change is applied: no other leader can
// undo it then. Likewise a smaller budget counts at once, and a larger one when it is applied.
//
// The replica loop's, but for Stats.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <set>

#include "base/mutex.h"
#include "base/types.h"
#include "engine/state/catalog.h"
#include "engine/state/evaluator.h"
#include "server/replica/node.h"

namespace baton::server {

using engine::Charge;
using engine::Charges;

// The highest values of the last minute, by the second. One thread.
class RecentHigh {
 public:
  void Note(uint64_t value, int64_t now_us);
  uint64_t Get(int64_t now_us) const;

 private:
  static constexpr int64_t kSeconds = 60;
  struct Second {
    int64_t number = -1;
    uint64_t high = 0;
  };
  std::array<Second, kSeconds> seconds_;
};

class Unreplicated {
 public:
  // A reign begins over these keyspaces: nothing is sequenced yet.
  void BeginReign(const engine::Keyspaces& keyspaces);
  void EndReign();
  // The keyspace is so from the entry at `slot` on.
  void Changed(const engine::KeyspacePtr& keyspace, Slot slot);
  void Dropped(KeyspaceId keyspace);

  // Whether writes of the keyspace may be acknowledged LOCAL once what is sequenced is applied.
  bool IsAsync(KeyspaceId keyspace) const;
  // Whether a keyspace refuses what a write would add to it now; counts it if so.
  bool Refuses(const Charge& charge, int64_t now_us);

  // What is to be acknowledged LOCAL, if it may.
  void Sequenced(Slot slot, const Charges& charges, int64_t now_us);
  // Changes up to there are in force: nobody can undo them.
  void Applied(Slot applied);

  // Whether an answer that waits for no quorum may leave. `sequenced_us`: when it was sequenced.
  // REQUIRES: a charge for each keyspace that its request names.
  struct Verdict {
    bool may = false;
    KeyspaceId over{};  // whose budget does not allow it; KeyspaceId{}: no budget's doing
  };
  Verdict MayAck(const Charges& charges, int64_t sequenced_us, int64_t now_us);
  void Acked(Slot slot, const Charges& charges, int64_t sequenced_us, int64_t now_us);
  // An ack was held back by its budget, once.
  void Waited(KeyspaceId keyspace);
  void Committed(Slot commit, int64_t now_us);

  // Any thread.
  std::map<KeyspaceId, UnreplicatedStats> Stats(int64_t now_us) const;

 private:
  struct Piece {
    Slot slot;
    uint64_t ops = 0;
    uint64_t bytes = 0;
    int64_t since_us = 0;  // when the oldest of them was sequenced
  };
  // Pieces that are not committed, ascending by slot, and their sum.
  struct Tail {
    std::deque<Piece> pieces;
    uint64_t ops = 0;
    uint64_t bytes = 0;

    // Slots come about in order: of what touches several keyspaces one may hold back another.
    void Add(Slot slot, const Charge& charge, int64_t since_us);
    void DropUpTo(Slot slot);
    int64_t AgeUs(int64_t now_us) const {
      return pieces.empty() ? 0 : now_us - pieces.front().since_us;
    }
  };
  struct Budget {
    uint64_t bytes = 0;
    uint64_t ops = 0;
    int64_t age_us = 0;
  };
  static Budget BudgetOf(const engine::KeyspaceInfo& info);
  struct Account {
    engine::KeyspacePtr info;  // as sequenced
    Slot since;                // async from this slot on, if it is
    Slot changed;              // info is so from this slot on
    Budget budget;             // the least of what may be in force; once that is applied, info's
    Tail sequenced;
    Tail acked;
    RecentHigh ops_high, bytes_high, age_high_us;
  };
  // Since the process began.
  struct Counts {
    uint64_t waited = 0;
    uint64_t failed = 0;
  };
  // Null: it is not async, or has not been so in what is applied.
  const Account* FindAsync(KeyspaceId keyspace) const BATON_REQUIRES(mutex_);
  static bool Fits(const Account& account, const Charge& charge, int64_t sequenced_us,
                   int64_t now_us);
  static void NoteHighs(Account* account, int64_t now_us);

  mutable Mutex mutex_;
  Slot applied_ BATON_GUARDED_BY(mutex_);
  std::map<KeyspaceId, Account> accounts_ BATON_GUARDED_BY(mutex_);
  std::set<KeyspaceId> busy_ BATON_GUARDED_BY(mutex_);  // those with anything sequenced
  std::map<KeyspaceId, Counts> counts_ BATON_GUARDED_BY(mutex_);
};

}  // namespace baton::server
