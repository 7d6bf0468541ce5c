#include "tests/explore/canonical.h"

#include <variant>

#include "base/check.h"

namespace baton::explore {

using consensus::Hasher;

namespace {

void FeedEntries(const std::vector<consensus::Entry>& entries, Hasher* hasher) {
  hasher->Add(uint64_t{entries.size()});
  for (const consensus::Entry& entry : entries) Feed(entry, hasher);
}

// The core part of an entry.
struct CoreForm {
  Hasher* h;

  void operator()(const std::monostate&) const {}
  void operator()(const consensus::Reign& part) const {
    const auto& [ballot, cause, handover, predecessor, predecessor_durable, policy_version] = part;
    h->Add(ballot);
    h->Add(static_cast<uint64_t>(cause));
    h->Add(handover);
    h->Add(predecessor);
    h->Add(predecessor_durable);
    h->Add(policy_version);
  }
  void operator()(const consensus::Seal& part) const {
    const auto& [handover, to] = part;
    h->Add(handover);
    h->Add(to);
  }
  void operator()(const consensus::Membership& part) const {
    const auto& [epoch, members, outgoing] = part;
    h->Add(epoch.value);
    for (const auto* each : {&members, &outgoing}) {
      h->Add(uint64_t{each->size()});
      for (const auto& [node, role, card] : *each) {
        h->Add(node);
        h->Add(static_cast<uint64_t>(role));
        h->AddBytes(card);
      }
    }
  }
};

void FeedHealth(const consensus::NodeHealth& health, Hasher* h) {
  const auto& [barred, recovering, lag, disk, region, priority] = health;
  h->Add(uint64_t{barred} << 8 | uint64_t{recovering});
  h->Add(static_cast<uint64_t>(lag) << 8 | static_cast<uint64_t>(disk));
  h->Add(uint64_t{region} << 8 | uint64_t{priority});
}

struct BodyForm {
  Hasher* h;

  void operator()(const consensus::Canvass& m) const {
    const auto& [ballot, last] = m;
    h->Add(ballot);
    h->Add(last);
  }
  void operator()(const consensus::CanvassReply& m) const {
    const auto& [ballot, granted, refusal, promised] = m;
    h->Add(ballot);
    h->Add(uint64_t{granted} << 8 | static_cast<uint64_t>(refusal));
    h->Add(promised);
  }
  void operator()(const consensus::Prepare& m) const {
    const auto& [ballot, succeeds] = m;
    h->Add(ballot);
    h->Add(succeeds);
  }
  void operator()(const consensus::Promise& m) const {
    const auto& [ballot, last] = m;
    h->Add(ballot);
    h->Add(last);
  }
  void operator()(const consensus::Nack& m) const {
    const auto& [ballot, promised, refusal] = m;
    h->Add(ballot);
    h->Add(promised);
    h->Add(static_cast<uint64_t>(refusal));
  }
  void operator()(const consensus::Fetch& m) const {
    const auto& [ballot, prev, bytes_max] = m;
    h->Add(ballot);
    h->Add(prev);
    h->Add(bytes_max);
  }
  void operator()(const consensus::Fetched& m) const {
    const auto& [ballot, promised, matched, prev, base, entries] = m;
    h->Add(ballot);
    h->Add(promised);
    h->Add(uint64_t{matched});
    h->Add(prev);
    h->Add(base);
    FeedEntries(entries, h);
  }
  void operator()(const consensus::Accept& m) const {
    const auto& [ballot, prev, entries, commit, sent_at_us, lease_us, read_round, durable,
                 proof_age_us, quorum_age_us, echo_us, data_floor, health] = m;
    h->Add(ballot);
    h->Add(prev);
    FeedEntries(entries, h);
    h->Add(commit);
    h->AddTime(sent_at_us);
    h->AddTime(lease_us);
    h->Add(read_round);
    h->Add(durable);
    h->AddTime(proof_age_us);
    h->AddTime(quorum_age_us);
    h->AddTime(echo_us);
    h->Add(data_floor);
    health.Feed(h);
  }
  void operator()(const consensus::Accepted& m) const {
    const auto& [ballot, matched, hint, match, sent_at_us, lease_granted, read_round, clock_us,
                 health] = m;
    h->Add(ballot);
    h->Add(uint64_t{matched} << 8 | uint64_t{lease_granted});
    h->Add(hint);
    h->Add(match);
    h->AddTime(sent_at_us);
    h->Add(read_round);
    h->AddTime(clock_us);
    FeedHealth(health, h);
  }
  void operator()(const consensus::Abdicate& m) const {
    const auto& [ballot] = m;
    h->Add(ballot);
  }
  void operator()(const consensus::TakeOver& m) const {
    const auto& [ballot, seal] = m;
    h->Add(ballot);
    h->Add(seal);
  }
  void operator()(const consensus::SnapshotOffer&) const {
    BATON_CHECK(false) << "the drivers' own";
  }
  void operator()(const consensus::SnapshotPull&) const {
    BATON_CHECK(false) << "the drivers' own";
  }
  void operator()(const consensus::SnapshotChunk&) const {
    BATON_CHECK(false) << "the drivers' own";
  }
  void operator()(const consensus::LossReport&) const { BATON_CHECK(false) << "the drivers' own"; }
  void operator()(const consensus::HandoverTalk&) const {
    BATON_CHECK(false) << "the drivers' own";
  }
  void operator()(const consensus::AskSlot& m) const {
    const auto& [ask] = m;
    h->Add(ask);
  }
  void operator()(const consensus::TellSlot& m) const {
    const auto& [ask, granted, slot] = m;
    h->Add(ask);
    h->Add(uint64_t{granted});
    h->Add(slot);
  }
};

}  // namespace

void Feed(const consensus::HardState& hard, Hasher* hasher) {
  const auto& [promised, longest_lease_us, configurations] = hard;
  hasher->Add(promised);
  hasher->AddTime(longest_lease_us);
  configurations.Feed(hasher);
}

void Feed(const consensus::Entry& entry, Hasher* hasher) {
  const auto& [id, core, bytes] = entry;
  hasher->Add(id);
  hasher->Add(uint64_t{core.index()});
  std::visit(CoreForm{hasher}, core);
  hasher->AddBytes(*bytes);
}

void Feed(const consensus::Message& message, Hasher* hasher) {
  const auto& [from, to, group, body] = message;
  hasher->Add(from);
  hasher->Add(to);
  hasher->Add(uint64_t{group.value});
  hasher->Add(uint64_t{body.index()});
  std::visit(BodyForm{hasher}, body);
}

void Feed(const consensus::Persist& persist, Hasher* hasher) {
  const auto& [persist_id, hard_state, entries, then_send] = persist;
  hasher->Add(persist_id);
  hasher->Add(uint64_t{hard_state.has_value()});
  if (hard_state) Feed(*hard_state, hasher);
  FeedEntries(entries, hasher);
  hasher->Add(uint64_t{then_send.size()});
  for (const consensus::Message& message : then_send) Feed(message, hasher);
}

void Feed(const DiskWrite& write, Hasher* hasher) {
  hasher->Add(uint64_t{write.index()});
  if (const auto* persist = std::get_if<consensus::Persist>(&write)) Feed(*persist, hasher);
}

void Feed(const Parcel& parcel, Hasher* hasher) {
  hasher->Add(uint64_t{parcel.index()});
  std::visit([hasher](const auto& what) { Feed(what, hasher); }, parcel);
}

void Feed(const std::optional<consensus::Seal>& seal, Hasher* hasher) {
  hasher->Add(uint64_t{seal.has_value()});
  if (seal) CoreForm{hasher}(*seal);
}

void Feed(const Snapshot& snapshot, Hasher* hasher) {
  const auto& [from, to, ballot, last, seal, configuration] = snapshot;
  hasher->Add(from);
  hasher->Add(to);
  hasher->Add(ballot);
  hasher->Add(last);
  Feed(seal, hasher);
  consensus::Configurations({configuration}).Feed(hasher);
}

void Feed(const consensus::ReadLog& read, Hasher* hasher) {
  const auto& [read_id, first, last, bytes_max] = read;
  hasher->Add(read_id);
  hasher->Add(first);
  hasher->Add(last);
  hasher->Add(bytes_max);
}

}  // namespace baton::explore
