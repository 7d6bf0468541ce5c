#include "server/replica/leadership_trace.h"

#include <spdlog/spdlog.h>

#include <variant>

namespace baton::server {

void LeadershipTrace::Look(const consensus::Replica& core) {
  Follow(core);
  const Ballot promised = core.promised();
  if (core.standing() != consensus::Standing::kCandidate || promised.node != core.self()) return;
  if (promised == stood_for_) return;
  stood_for_ = promised;
  spdlog::info("reign {}: this node stands, and asks for promises", ToString(promised));
}

void LeadershipTrace::Follow(const consensus::Replica& core) {
  const std::optional<NodeId> leader = core.leader();
  if (leader == leader_ && (!leader || core.promised() == reign_)) return;
  if (leader_ && *leader_ != core.self()) {
    spdlog::info("reign {}: this node follows {} no more", ToString(reign_),
                 members_->NameOf(*leader_));
  }
  leader_ = leader;
  if (!leader) return;
  reign_ = core.promised();
  if (*leader == core.self()) return;  // it says so once its reign is open
  spdlog::info("reign {}: {} leads, and this node follows", ToString(reign_),
               members_->NameOf(*leader));
}

void LeadershipTrace::Send(const consensus::Message& message) const {
  const auto* promise = std::get_if<consensus::Promise>(&message.body);
  if (promise == nullptr) return;
  spdlog::info("reign {}: promised to {}", ToString(promise->ballot), members_->NameOf(message.to));
}

}  // namespace baton::server
