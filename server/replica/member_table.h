// MemberTable: who is who, as the log of this node has it. It follows each change of members from
// the moment its entry is in the log.
//
// The replica loop writes; any thread reads. Readers get a copy of the whole: it is immutable.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/types.h"
#include "consensus/configurations.h"
#include "server/replica/node.h"

namespace baton::server {

// All at one moment.
struct Members {
  Epoch epoch;  // the newest, in force
  // A change is under way: it is not chosen yet, or only half of it; or, at the leader, those that
  // have left may yet be needed.
  bool changing = false;
  // Of every configuration that this node reckons with, by node id. One that is about to leave is
  // among them with the role it had.
  std::vector<MemberInfo> all;
  std::vector<NodeId> leaving;  // those of `all` that the newest has no more

  bool Stays(NodeId node) const;  // is a member by the newest
  const MemberInfo* Find(NodeId node) const;
};

Members MembersOf(const consensus::Configurations& configurations);

class MemberTable {
 public:
  explicit MemberTable(Members members)
      : members_(std::make_shared<const Members>(std::move(members))) {}

  void Set(Members members) {
    auto changed = std::make_shared<const Members>(std::move(members));
    MutexLock lock(&mutex_);
    members_ = std::move(changed);
  }
  std::shared_ptr<const Members> Read() const {
    MutexLock lock(&mutex_);
    return members_;
  }

  // Where clients find that node; nullopt: it is no member.
  std::optional<LeaderHint> Hint(std::optional<NodeId> node) const;
  // For people: its name, or "node 7" where it is no member any more.
  std::string NameOf(NodeId node) const;

 private:
  mutable Mutex mutex_;
  std::shared_ptr<const Members> members_ BATON_GUARDED_BY(mutex_);  // never null
};

}  // namespace baton::server
