// The sessions of one client, and the numbers that its writes get in them.
//
// A node keeps results of a bounded window of numbers, so a session has room for so many writes at
// a time; a client with more in flight has several sessions. A number is acknowledged (acked_below
// of later ones) once its write and all before it are completed. Those whose outcome is unknown are
// kept a while longer, so that the caller can still ask for it.
//
// A session that has served its purpose is ended. One is left to end by itself while something may
// be asked of it still: by the caller, what became of a write; by the ledger of losses, which copy
// of a write that was sent again counts.
//
// A value, free of threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <vector>

namespace baton::client {

// Which write of which session; session 0: of none.
struct WriteStamp {
  uint64_t session = 0;
  uint64_t sequence = 0;     // from 1
  uint64_t acked_below = 0;  // the caller has the results of all that are lower
  friend bool operator==(const WriteStamp&, const WriteStamp&) = default;
};

class SessionPool {
 public:
  static constexpr uint64_t kWindow = 1024;   // as the nodes have it
  static constexpr size_t kUnknownKept = 64;  // of each session
  static constexpr size_t kSessionsMax = 64;

  // The next number; nullopt: there is no room now.
  std::optional<WriteStamp> Take();
  // The write is completed. `unknown`: whether it took effect.
  void Done(const WriteStamp& stamp, bool unknown);

  // There is no room, and another session would help. Asking for one is said to Opening, and how
  // that ended to Opened or NotOpened.
  bool WantsAnother() const;
  void Opening() { opening_ = true; }
  void Opened(uint64_t id);
  void NotOpened() { opening_ = false; }
  // The nodes do not know it any more: no more numbers of it.
  void Ended(uint64_t id);

  // A write of it was sent again, and more than one copy may have been executed.
  void SentAgain(uint64_t id);
  // Gives up the sessions of which nothing will be asked any more, and says which they are.
  std::vector<uint64_t> TakeSettled();

 private:
  struct Session {
    uint64_t id = 0;
    uint64_t next = 1;
    std::set<uint64_t> held;       // taken, and not to be acknowledged yet
    std::deque<uint64_t> unknown;  // of those, the completed ones; ascending by completion
    bool sent_again = false;       // see SentAgain

    uint64_t Lowest() const { return held.empty() ? next : *held.begin(); }
  };
  Session* Find(uint64_t id);
  static bool MakeRoom(Session* session);

  std::vector<Session> sessions_;
  bool opening_ = false;
};

}  // namespace baton::client
