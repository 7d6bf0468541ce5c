#include "server/replica/member_desk.h"

#include <utility>

#include "server/codec/membership_codec.h"
#include "server/replica/answers.h"

namespace baton::server {
namespace {

MembersResult ResultOf(Failure failure) {
  MembersResult result;
  result.failure = std::move(failure);
  return result;
}

MembersResult RefusedResult(absl::StatusCode code, std::string why) {
  return ResultOf(MembersRefusedFailure(code, std::move(why)));
}

consensus::Member MemberOf(const MemberInfo& info) {
  return {info.node, static_cast<consensus::Role>(info.role),
          EncodeCard({info.name, info.directory, info.client_address, info.peer_address})};
}

}  // namespace

MemberDesk::MemberDesk(const consensus::Replica* core, MemberTable* table, Transport* transport)
    : core_(core), table_(table), transport_(transport) {
  Notice();  // a core that recovered may reckon with less than its disk still names
}

void MemberDesk::Notice() {
  const consensus::Configurations& now = core_->configurations();
  const bool leads = core_->standing() == consensus::Standing::kLeader;
  const bool needed = leads && !core_->LeftMayGo();
  if (now.all().back().at == told_newest_ && now.all().size() == told_count_ &&
      needed == told_needed_) {
    return;
  }
  told_newest_ = now.all().back().at;
  told_count_ = now.all().size();
  told_needed_ = needed;
  Members members = MembersOf(now);
  members.changing |= needed;
  transport_->SetMembers(members.all);
  table_->Set(std::move(members));
}

std::optional<consensus::MembersRequested> MemberDesk::Admit(QueuedMembersCall queued) {
  const auto refuse = [&queued](MembersResult result) {
    queued.done(std::move(result));
    return std::nullopt;
  };
  if (stopping_) return refuse(ResultOf(ShuttingDownFailure()));
  if (core_->standing() != consensus::Standing::kLeader) {
    return refuse(ResultOf(NotLeaderFailure(table_->Hint(core_->leader()))));
  }
  if (waiting_) {
    return refuse(RefusedResult(absl::StatusCode::kAborted,
                                "another change of members is under way: wait until it is done"));
  }
  if (core_->membership().epoch != queued.call.from) {
    return refuse(RefusedResult(absl::StatusCode::kAborted,
                                "the members have changed meanwhile, to epoch " +
                                    std::to_string(core_->membership().epoch.value) +
                                    ": look again, then repeat it"));
  }
  waiting_ =
      Waiting{next_request_id_++, queued.call.deadline_us > 0 ? queued.call.deadline_us : kNever,
              MembersNote{queued.call.actor, queued.call.reason}, std::move(queued.done)};
  consensus::MembersRequested request;
  request.request_id = waiting_->request_id;
  for (const MemberInfo& info : queued.call.members) request.members.push_back(MemberOf(info));
  return request;
}

void MemberDesk::Propose(const consensus::ProposeMembers& change) {
  if (waiting_ && waiting_->request_id == change.request_id) note_ = waiting_->note;
  proposal_ = change;
}

void MemberDesk::Refused(const consensus::MembersRefused& refused) {
  if (!waiting_ || waiting_->request_id != refused.request_id) return;
  Answer(RefusedResult(absl::StatusCode::kFailedPrecondition, refused.reason));
}

void MemberDesk::Settled(const consensus::MembersSettled& settled) {
  Notice();
  note_ = MembersNote{};
  if (!waiting_) return;
  MembersResult done;
  done.epoch = settled.epoch;
  Answer(std::move(done));
}

void MemberDesk::EndReign(const std::string& why) {
  proposal_.reset();
  note_ = MembersNote{};
  if (!waiting_) return;
  MembersResult unknown = ResultOf(OutcomeUnknownFailure(why));
  unknown.failure.message = "the change of members may or may not take place: " + why;
  Answer(std::move(unknown));
}

void MemberDesk::Stop() { stopping_ = true; }

void MemberDesk::Expire(int64_t now_us) {
  if (!waiting_ || now_us < waiting_->deadline_us) return;
  MembersResult late = ResultOf(OutcomeUnknownFailure(""));
  late.failure.code = absl::StatusCode::kDeadlineExceeded;
  late.failure.message =
      "the change of members is not done yet, and may still come about: look at the members";
  Answer(std::move(late));
}

void MemberDesk::Answer(MembersResult result) {
  const Waiting told = *std::exchange(waiting_, std::nullopt);
  told.done(std::move(result));
}

}  // namespace baton::server
