// What the core asks for.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "base/check.h"
#include "server/codec/entry_codec.h"
#include "server/codec/stored_rows.h"
#include "server/replica/driver.h"
#include "server/replica/recover.h"

namespace baton::server {
namespace {

// The newest slot that a message of a leader says is committed.
Slot CommitIn(const consensus::MessageBody& body) {
  if (const auto* accept = std::get_if<consensus::Accept>(&body)) return accept->commit;
  if (const auto* tell = std::get_if<consensus::TellSlot>(&body)) return tell->slot;
  return Slot{};
}

// Reads entries back for the core. On a reader.
absl::StatusOr<LogReadDone> ReadBack(const wal::Wal& wal, const consensus::ReadLog& read) {
  LogReadDone done;
  done.read_id = read.read_id;
  auto records = wal.Read(kFirstGroup, read.first, read.last, read.bytes_max);
  if (absl::IsNotFound(records.status())) {
    done.missing = true;
    return done;
  }
  if (!records.ok()) return records.status();
  for (wal::EntryRecord& record : *records) {
    auto entry = ParseEntry(std::move(record.bytes), kFirstGroup, EntryHash::kVerified);
    if (!entry.ok()) return entry.status();
    done.entries.push_back(*std::move(entry));
  }
  return done;
}

}  // namespace

void Driver::Do(consensus::Persist& persist) {
  LogBatch batch;
  batch.persist_id = persist.persist_id;
  for (const consensus::Message& message : persist.then_send) {
    CheckTold(message);
    trace_.Send(message);
  }
  batch.then_send = std::move(persist.then_send);
  if (persist.hard_state) {
    batch.records.push_back(wal::StateRecord{kFirstGroup, EncodeHardState(*persist.hard_state)});
  }
  if (!persist.entries.empty()) {
    if (persist.entries.front().id.slot <= written_)
      batch.replaces = persist.entries.front().id.slot;
    written_ = persist.entries.back().id.slot;
  }
  for (consensus::Entry& entry : persist.entries) {
    if (std::holds_alternative<consensus::Reign>(entry.core)) {
      newest_reign_ = entry.id;
    } else if (newest_reign_ && entry.id.slot <= newest_reign_->slot) {
      newest_reign_.reset();
    }
    log_growth_ += entry.size();
    batch.records.push_back(wal::EntryRecord{kFirstGroup, entry.id, std::move(entry.bytes)});
  }
  if (!persist.entries.empty() && core_.standing() == consensus::Standing::kLeader) {
    unsynced_.push_back(persist.persist_id);
  }
  parts_.log->Submit(std::move(batch));
}

void Driver::Do(consensus::Send& send) {
  CheckTold(send.message);
  parts_.transport->Send(std::move(send.message));
}

// Its receiver may serve at once what it is told is committed: who reads here by the lease must not
// see less.
void Driver::CheckTold(const consensus::Message& message) const {
  BATON_CHECK(!published_.open || CommitIn(message.body) <= published_.commit)
      << "a commit is told of that readers here do not see";
}

// Messages that tell of it leave before this round ends.
void Driver::Do(consensus::Commit& commit) {
  if (published_.open) {
    published_.commit = commit.slot;
    parts_.board->Publish(published_);
  }
  desk_.Committed(commit.slot);
  NoticeCommit();
  if (!newest_reign_ || commit.slot < newest_reign_->slot || told_ == newest_reign_->born) return;
  told_ = newest_reign_->born;
  parts_.metrics->leader_changes.Add();
  if (const auto hint = parts_.members->Hint(told_->node)) parts_.watch->Tell(*hint);
}

// Not what its own reign begins with: that is no write of anybody.
void Driver::NoticeCommit() {
  if (core_.standing() == consensus::Standing::kFollower || desk_.serving()) {
    election_.committed_us = parts_.clock->LeaseNowUs();
  }
}

void Driver::Do(consensus::ReadLog& read) {
  parts_.readers->PostOwn([wal = parts_.wal, inbox = &inbox_, fatal = parts_.fatal, read] {
    absl::StatusOr<LogReadDone> done = ReadBack(*wal, read);
    if (!done.ok()) {
      fatal("cannot read the log back: " + std::string(done.status().message()));
      return;
    }
    inbox->PushNotice(*std::move(done));
  });
}

void Driver::Do(consensus::ProveWrite&) {
  LogBatch batch;
  batch.probe = true;
  parts_.log->Submit(std::move(batch));
}

void Driver::Do(consensus::ProposeMembers& change) {
  members_.Propose(change);
  ProposeMembers();
}
void Driver::Do(consensus::MembersRefused& refused) { members_.Refused(refused); }
void Driver::Do(consensus::MembersSettled& settled) {
  spdlog::info("the members of epoch {} are settled", settled.epoch.value);
  members_.Settled(settled);
}

void Driver::Do(consensus::SendSnapshot& snapshot) {
  if (snapshot.log_only) {
    parts_.witness_offers->Begin(snapshot, core_);
  } else {
    parts_.snapshots_out->Begin(snapshot, applied_);
  }
}

void Driver::Do(consensus::InstallSnapshot& install) {
  parts_.metrics->snapshots_installed.Add();
  if (!parts_.install(parts_.snapshots_in->Intent(std::move(install.hard_state)))) {
    On(InstallFailed{});
  }
}

void Driver::Do(consensus::DropSnapshot&) { parts_.snapshots_in->Drop(); }

void Driver::Do(consensus::OpenReign& open) {
  election_.won_us = parts_.clock->LeaseNowUs();
  opening_ = open;
  if (open.id.slot == Slot{1}) return ProposeReign(EntryStamp{});
  const Slot last = open.id.slot.Prev();
  if (const consensus::Entry* entry = core_.log().Find(last)) {
    const auto decoded = DecodeEntry(*entry->bytes, EntryHash::kVerified);
    BATON_CHECK(decoded.ok()) << "an entry of this log cannot be read";
    return ProposeReign(decoded->stamp);
  }
  parts_.readers->PostOwn([wal = parts_.wal, inbox = &inbox_, last, ballot = open.reign.ballot] {
    inbox->PushNotice(StampRead{ballot, ReadStamp(*wal, last)});
  });
}

void Driver::ProposeReign(const EntryStamp& last) {
  const int64_t candidacy_us =
      candidate_since_us_ == 0 ? 0 : parts_.clock->LeaseNowUs() - candidate_since_us_;
  consensus::Entry entry = desk_.OpenReign(*opening_, last, candidacy_us);
  opening_.reset();
  Propose(std::move(entry));
}

void Driver::Propose(consensus::Entry entry) {
  Feed(consensus::Proposed{std::move(entry), desk_.log_floor()});
}

void Driver::Do(consensus::ReignOpened& opened) {
  desk_.ReignChosen();
  spdlog::info("reign {} is open: this node leads", ToString(opened.ballot));
}

void Driver::Do(consensus::StoppedLeading& stopped) {
  // Readers see the end of the reign before the overlay is emptied, and before any message that the
  // actions to follow may send.
  published_.open = false;
  parts_.board->Publish(published_);
  opening_.reset();
  candidate_since_us_ = 0;
  parts_.snapshots_out->EndReign();
  parts_.witness_offers->EndReign();
  // What was committed in this round is known to be.
  desk_.Release(parts_.clock->LeaseNowUs(), &answers_);
  const std::string why = "this node stopped leading: " + stopped.reason;
  if (const auto successor = handovers_.Successor()) desk_.HandedOverTo(*successor);
  handovers_.EndReign(desk_.Redirect(), desk_.last_ack_us());
  desk_.EndReign(why, &answers_);
  members_.EndReign(why);
  spdlog::info("reign {} has ended here: {}", ToString(stopped.ballot), stopped.reason);
}

void Driver::Do(consensus::SuffixReplaced& replaced) {
  spdlog::info("the log from slot {} on was replaced by another leader's", replaced.first.value);
}

void Driver::Do(consensus::ReadReady& ready) {
  if (ready.read_id >= LocalDesk::kFirstReadId) return local_.ReadReady(ready);
  // What the reader is about to answer from must be on the board for reads by lease to follow it.
  Publish();
  desk_.ReadReady(ready, published_);
}

void Driver::Do(consensus::ReadRefused& refused) {
  if (refused.read_id < LocalDesk::kFirstReadId) return desk_.ReadRefused(refused, &answers_);
  local_.ReadRefused(refused, parts_.clock->LeaseNowUs(), &answers_);
}

}  // namespace baton::server
