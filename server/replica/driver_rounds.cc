// What each round of the loop does, whatever has happened: calls are taken, entries cut, the board
// and the applier brought up to date.
#include <algorithm>
#include <utility>

#include "server/replica/driver.h"

namespace baton::server {

// A leader answers by its lease or a quorum whatever does not ask for a position.
void Driver::AdmitReads(std::vector<QueuedRead> reads, int64_t now_us,
                        std::vector<QueuedRead>* for_leader) {
  const bool leading = core_.standing() == consensus::Standing::kLeader;
  std::vector<QueuedRead> local;
  for (QueuedRead& read : reads) {
    const ReadLevel::Kind kind = read.level.kind;
    const bool here = leading ? kind == ReadLevel::Kind::kAtLeast : read.level.named();
    (here ? &local : for_leader)->push_back(std::move(read));
  }
  local_.Admit(std::move(local), now_us, &answers_);
}

Slot Driver::WaitsForApplied() const {
  return std::min(desk_.WaitsForApplied(), local_.WaitsForApplied());
}

// True: nothing waits to be proposed before anything else.
bool Driver::ProposeMembers() {
  if (!members_.proposal()) return true;
  std::optional<consensus::Entry> entry =
      desk_.ChangeMembers(*members_.proposal(), members_.note());
  if (!entry) return false;
  members_.Proposed();
  Propose(*std::move(entry));
  return true;
}

// As above.
bool Driver::ProposeHandover() {
  if (!handovers_.proposal()) return true;
  HandoverRow row = *handovers_.proposal();
  std::optional<consensus::Entry> entry = desk_.WriteHandover(&row);
  if (!entry) return false;
  handovers_.Proposed(std::move(row));
  Propose(*std::move(entry));
  return true;
}

void Driver::CutEntries() {
  if (!ProposeMembers() || !ProposeHandover()) return;
  if (parts_.disk->Full()) {
    if (desk_.HasWaiting()) desk_.RefuseWrites(DiskFullFailure(), &answers_);
    return;
  }
  while (std::optional<consensus::Entry> entry = desk_.Cut(unsynced_.size(), &answers_)) {
    Propose(*std::move(entry));
  }
}

void Driver::NoticeStanding() {
  trace_.Look(core_);
  const int64_t now_us = parts_.clock->LeaseNowUs();
  if (core_.standing() == consensus::Standing::kFollower) {
    candidate_since_us_ = 0;
  } else if (candidate_since_us_ == 0) {
    candidate_since_us_ = now_us;
    election_.Stand(core_, now_us);
  }
  if (core_.leader()) {
    leaderless_ = false;
    leader_until_us_ = core_.LeaderSilentAtUs();
    desk_.LeaderIsKnown();
  } else if (!std::exchange(leaderless_, true)) {
    election_.lost_us = std::min(now_us, leader_until_us_);
  }
}

// A leader's core asks for proofs itself.
void Driver::NoticeHealth(int64_t now_us) {
  const uint64_t unapplied = core_.log().last().slot.value - applied_.value;
  if (auto measured = parts_.health->Look(unapplied, now_us)) Feed(*measured);
  if (parts_.health->WantsProof() && !stopped_) {
    consensus::ProveWrite proof;
    Do(proof);
  }
  if (core_.health() != health_told_) {
    health_told_ = core_.health();
    parts_.board->SetHealth(health_told_);
  }
}

// A reign's entries end the log from some slot on. What stands below its first is found by asking
// for the newest entry of an earlier one.
void Driver::NoticeReign(Published* now) {
  const consensus::LogWindow& log = core_.log();
  const EntryId newest = log.IdAt(core_.commit());
  if (newest.born != reign_begin_.born) {
    const Ballot before{newest.born.round, NodeId{newest.born.node.value - 1}};
    reign_begin_ = EntryId{newest.born, log.NewestAtMost(EntryId{before, newest.slot}).slot.Next()};
  }
  now->reign_round = reign_begin_.born.round;
  now->reign_first = reign_begin_.slot;
}

void Driver::Publish() {
  Published now;
  now.standing = core_.standing();
  now.open = desk_.serving();
  now.stopping = stopped_;
  now.ballot = core_.promised();
  now.leader = core_.leader();
  now.ask = desk_.LeaderToAsk();
  now.expecting = target_.Expecting();
  now.durable = core_.durable();
  now.last = core_.log().last();
  now.commit = core_.commit();
  now.lease_end_us = now.open ? core_.LeaseEndUs() : 0;
  if (parts_.engine != nullptr) {
    now.fresh_as_of_us = core_.FreshAsOfUs(parts_.engine->applied());
  }
  NoticeReign(&now);
  published_ = now;
  parts_.board->Publish(published_);
  if (now.standing == consensus::Standing::kLeader) {
    for (const consensus::Member& member : core_.membership().members) {
      parts_.board->SetMatch(
          member.node, member.node == core_.self() ? now.durable : core_.MatchOf(member.node));
    }
  }
  Metrics& metrics = *parts_.metrics;
  metrics.promised_round.Set(now.ballot.round);
  metrics.is_leader.Set(now.open ? 1 : 0);
  metrics.has_leader.Set(now.leader ? 1 : 0);
  metrics.durable_slot.Set(now.durable.value);
  metrics.commit_slot.Set(now.commit.value);
}

void Driver::HandToApplier() {
  const Slot target = std::min(core_.commit(), core_.durable());
  if (target <= handed_) return;
  if (parts_.applier == nullptr) return KeepAsWitness(target);
  std::vector<ApplyItem> items;
  while (handed_ < target) {
    const Slot slot = handed_.Next();
    const consensus::Entry* entry = core_.log().Find(slot);
    if (entry != nullptr) {
      items.push_back(ApplyItem{slot, slot, entry->bytes});
    } else if (!items.empty() && items.back().bytes == nullptr) {
      items.back().last = slot;
    } else {
      items.push_back(ApplyItem{slot, slot, nullptr});
    }
    handed_ = slot;
  }
  parts_.applier->Submit(std::move(items));
}

// Nothing is applied; the log is kept until enough of those that apply it hold it.
void Driver::KeepAsWitness(Slot target) {
  handed_ = applied_ = target;
  parts_.metrics->applied_slot.Set(target.value);
  Feed(consensus::Applied{target});
  const Slot upto = std::min(core_.data_floor(), target.Prev());
  if (log_growth_ < parts_.truncate_bytes_min || upto <= trimmed_) return;
  log_growth_ = 0;
  On(TrimWanted{upto});
}

}  // namespace baton::server
