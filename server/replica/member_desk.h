// MemberDesk: what the replica loop does about members. It tells the transport and everybody in the
// process who is one, and carries an operator's change to the core and its outcome back.
//
// One change at a time: the core refuses a second. Owned by the replica loop; it reads the core and
// never steps it. `done` of a call is told on the loop's thread and must not block.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/types.h"
#include "consensus/action.h"
#include "consensus/event.h"
#include "consensus/replica.h"
#include "server/replica/loop_inbox.h"
#include "server/replica/member_table.h"
#include "server/replica/sequencer.h"
#include "server/replica/stage.h"
#include "server/replica/transport.h"

namespace baton::server {

class MemberDesk {
 public:
  // The table has the core's members from now on.
  MemberDesk(const consensus::Replica* core, MemberTable* table, Transport* transport);

  // Tells who is a member now, if that has changed. Once a round: cheap while nothing changes.
  void Notice();

  // Takes a call; the event is for the core. Nullopt: it was refused, and told so.
  std::optional<consensus::MembersRequested> Admit(QueuedMembersCall call);
  // The core wants the entry of this change. It waits here until it can be proposed: nothing else
  // may be proposed before it.
  void Propose(const consensus::ProposeMembers& change);
  const std::optional<consensus::ProposeMembers>& proposal() const { return proposal_; }
  void Proposed() { proposal_.reset(); }
  // Who wants the change that is under way, and why; empty if another leader began it.
  const MembersNote& note() const { return note_; }

  void Refused(const consensus::MembersRefused& refused);
  void Settled(const consensus::MembersSettled& settled);
  // A change that was proposed goes on under the next leader, or is undone with its entry.
  void EndReign(const std::string& why);
  void Stop();  // this node leads no more; calls that come are told so

  void Expire(int64_t now_us);
  int64_t NextDeadlineUs() const { return waiting_ ? waiting_->deadline_us : kNever; }

 private:
  struct Waiting {
    uint64_t request_id = 0;
    int64_t deadline_us = kNever;
    MembersNote note;  // theirs once it is proposed
    std::function<void(MembersResult)> done;
  };
  void Answer(MembersResult result);

  const consensus::Replica* const core_;
  MemberTable* const table_;
  Transport* const transport_;

  // What was told last: the newest configuration and how many are reckoned with name all of them.
  EntryId told_newest_;
  size_t told_count_ = 0;     // 0: nothing was told
  bool told_needed_ = false;  // that those who have left may be

  std::optional<consensus::ProposeMembers> proposal_;
  std::optional<Waiting> waiting_;  // the call that the core has, not answered yet
  MembersNote note_;
  uint64_t next_request_id_ = 1;
  bool stopping_ = false;
};

}  // namespace baton::server
