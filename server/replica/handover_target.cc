#include "server/replica/handover_target.h"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

namespace baton::server {

consensus::Message HandoverMessage(NodeId from, NodeId to, const HandoverWord& word) {
  auto bytes = std::make_shared<const std::string>(EncodeHandoverWord(word));
  return {.from = from, .to = to, .body = consensus::HandoverTalk{std::move(bytes)}};
}

void HandoverTarget::Advance(Slot applied, int64_t now_us) {
  const std::optional<NodeId> leader = parts_.core->leader();
  if (promise_) {
    // Another leads, or this node itself, or the same one anew: what came is that one's to answer.
    const bool over =
        leader && (*leader != promise_->to || parts_.core->promised() != promise_->ballot);
    if (over || now_us >= promise_->until_us) promise_.reset();
  }
  if (!asked_ || stopping_) return;
  if (leader != asked_->from) {
    asked_.reset();  // it leads no more, or not here: it asks again if it does
  } else if (applied >= asked_->ask.applied && now_us >= parts_.core->RestartWaitEndUs()) {
    Tell(applied, now_us);
  }
}

void HandoverTarget::Tell(Slot applied, int64_t now_us) {
  const Asked asked = *std::exchange(asked_, std::nullopt);
  TellReady told{.handover = asked.ask.handover};
  told.promised = asked.ask.promise;
  if (told.promised) {
    promise_ = Promise{asked.from, parts_.core->promised(),
                       now_us + std::min(asked.ask.hold_us, kHoldUsMax)};
  }
  told.applied = applied;
  told.unapplied = parts_.core->log().last().slot.value - applied.value;
  told.log_room_bytes = parts_.wal->RoomBytes();
  told.nearly_full = parts_.disk->NearlyFull();
  told.barred = parts_.health->BarredByOperator();
  told.installing = parts_.snapshots_in->busy();
  told.write_us = parts_.meter->Read(now_us).recent_us;
  told.wall_time_us = parts_.clock->WallNowUs();
  parts_.transport->Send(HandoverMessage(parts_.core->self(), asked.from, told));
}

void HandoverTarget::Stop() {
  stopping_ = true;
  promise_.reset();
}

}  // namespace baton::server
