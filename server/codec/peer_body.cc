#include "server/codec/peer_body.h"

#include <utility>
#include <variant>

#include "base/checksum.h"
#include "base/coding.h"
#include "server/codec/membership_codec.h"

namespace baton::server {
namespace {

using peer::v1::PeerHeader;

void Put(const Ballot& from, peer::v1::Ballot* to) {
  to->set_round(from.round);
  to->set_node(from.node.value);
}
void Put(const EntryId& from, peer::v1::EntryId* to) {
  Put(from.born, to->mutable_born());
  to->set_slot(from.slot.value);
}
Ballot Get(const peer::v1::Ballot& from) { return Ballot{from.round(), NodeId{from.node()}}; }
EntryId Get(const peer::v1::EntryId& from) { return EntryId{Get(from.born()), Slot{from.slot()}}; }

void Put(const consensus::NodeHealth& from, peer::v1::NodeHealth* to) {
  to->set_barred(from.barred);
  to->set_recovering(from.recovering);
  to->set_lag(static_cast<uint32_t>(from.lag));
  to->set_disk(static_cast<uint32_t>(from.disk));
  to->set_region(from.region);
  to->set_priority(from.priority);
}
void Put(const consensus::HealthTable& from, peer::v1::HealthTable* to) {
  to->set_number(from.number);
  for (const auto& [node, health] : from.nodes) {
    peer::v1::NodeHealth* row = to->add_nodes();
    row->set_node(node.value);
    Put(health, row);
  }
  if (from.order == consensus::kRankOrder) return;
  for (const consensus::Criterion each : from.order) to->add_order(static_cast<uint32_t>(each));
}
// A class that this build does not know is worse than those it knows.
consensus::NodeHealth Get(const peer::v1::NodeHealth& from) {
  consensus::NodeHealth to;
  to.barred = from.barred();
  to.recovering = from.recovering();
  to.lag = static_cast<consensus::LagClass>(
      std::min(from.lag(), static_cast<uint32_t>(consensus::LagClass::kSilent)));
  to.disk = static_cast<consensus::DiskClass>(
      std::min(from.disk(), static_cast<uint32_t>(consensus::DiskClass::kStuck)));
  to.region = static_cast<uint8_t>(std::min(from.region(), 255u));
  to.priority = static_cast<uint8_t>(std::min(from.priority(), 255u));
  return to;
}
// One that is none stays one, for the core to refuse.
consensus::RankOrder GetOrder(const peer::v1::HealthTable& from) {
  consensus::RankOrder order{};
  if (from.order_size() != static_cast<int>(order.size())) return order;
  for (size_t i = 0; i < order.size(); ++i) {
    order[i] = static_cast<consensus::Criterion>(std::min(from.order(static_cast<int>(i)), 255u));
  }
  return order;
}
consensus::HealthTable Get(const peer::v1::HealthTable& from) {
  consensus::HealthTable to{from.number(), {}};
  for (const peer::v1::NodeHealth& row : from.nodes()) to.nodes[NodeId{row.node()}] = Get(row);
  if (from.order_size() > 0) to.order = GetOrder(from);
  return to;
}

struct BodyWriter {
  PeerHeader* header;
  BehindHeader behind;

  void operator()(const consensus::Canvass& from) {
    auto* to = header->mutable_canvass();
    Put(from.ballot, to->mutable_ballot());
    Put(from.last, to->mutable_last());
  }
  void operator()(const consensus::CanvassReply& from) {
    auto* to = header->mutable_canvass_reply();
    Put(from.ballot, to->mutable_ballot());
    to->set_granted(from.granted);
    to->set_refusal(static_cast<uint32_t>(from.refusal));
    Put(from.promised, to->mutable_promised());
  }
  void operator()(const consensus::Prepare& from) {
    auto* to = header->mutable_prepare();
    Put(from.ballot, to->mutable_ballot());
    Put(from.succeeds, to->mutable_succeeds());
  }
  void operator()(const consensus::Promise& from) {
    auto* to = header->mutable_promise();
    Put(from.ballot, to->mutable_ballot());
    Put(from.last, to->mutable_last());
  }
  void operator()(const consensus::Nack& from) {
    auto* to = header->mutable_nack();
    Put(from.ballot, to->mutable_ballot());
    Put(from.promised, to->mutable_promised());
    to->set_refusal(static_cast<uint32_t>(from.refusal));
  }
  void operator()(const consensus::Fetch& from) {
    auto* to = header->mutable_fetch();
    Put(from.ballot, to->mutable_ballot());
    Put(from.prev, to->mutable_prev());
    to->set_bytes_max(from.bytes_max);
  }
  void operator()(const consensus::Fetched& from) {
    auto* to = header->mutable_fetched();
    Put(from.ballot, to->mutable_ballot());
    Put(from.promised, to->mutable_promised());
    to->set_matched(from.matched);
    Put(from.prev, to->mutable_prev());
    Put(from.base, to->mutable_base());
    behind.entries = &from.entries;
  }
  void operator()(const consensus::Accept& from) {
    auto* to = header->mutable_accept();
    Put(from.ballot, to->mutable_ballot());
    Put(from.prev, to->mutable_prev());
    to->set_commit_slot(from.commit.value);
    to->set_sent_at_us(from.sent_at_us);
    to->set_lease_us(from.lease_us);
    to->set_read_round(from.read_round);
    to->set_durable_slot(from.durable.value);
    to->set_proof_age_us(from.proof_age_us);
    to->set_quorum_age_us(from.quorum_age_us);
    to->set_echo_us(from.echo_us);
    to->set_data_floor(from.data_floor.value);
    if (from.health.number != 0) Put(from.health, to->mutable_health());
    behind.entries = &from.entries;
  }
  void operator()(const consensus::Accepted& from) {
    auto* to = header->mutable_accepted();
    Put(from.ballot, to->mutable_ballot());
    to->set_matched(from.matched);
    Put(from.hint, to->mutable_hint());
    to->set_match_slot(from.match.value);
    to->set_sent_at_us(from.sent_at_us);
    to->set_lease_granted(from.lease_granted);
    to->set_read_round(from.read_round);
    to->set_clock_us(from.clock_us);
    if (from.health != consensus::NodeHealth{}) Put(from.health, to->mutable_health());
  }
  void operator()(const consensus::AskSlot& from) { header->mutable_ask_slot()->set_ask(from.ask); }
  void operator()(const consensus::TellSlot& from) {
    auto* to = header->mutable_tell_slot();
    to->set_ask(from.ask);
    to->set_granted(from.granted);
    to->set_slot(from.slot.value);
  }
  void operator()(const consensus::SnapshotOffer& from) {
    auto* to = header->mutable_snapshot_offer();
    Put(from.ballot, to->mutable_ballot());
    to->set_snapshot(from.snapshot);
    Put(from.prev, to->mutable_prev());
    Put(from.last, to->mutable_last());
    Put(from.configuration.at, to->mutable_configuration_at());
    PutMembership(to->mutable_membership(), from.configuration.membership);
    to->set_bytes(from.bytes);
    behind.piece = from.entry;
  }
  void operator()(const consensus::SnapshotPull& from) {
    auto* to = header->mutable_snapshot_pull();
    to->set_snapshot(from.snapshot);
    to->set_position(from.position);
    to->set_window_bytes(from.window_bytes);
    to->set_done(from.done);
    to->set_again(from.again);
    to->set_failed(from.failed);
  }
  void operator()(const consensus::SnapshotChunk& from) {
    auto* to = header->mutable_snapshot_chunk();
    to->set_snapshot(from.snapshot);
    to->set_position(from.position);
    to->set_checksum(from.checksum);
    behind.piece = from.bytes;
  }
  void operator()(const consensus::TakeOver& from) {
    auto* to = header->mutable_take_over();
    Put(from.ballot, to->mutable_ballot());
    Put(from.seal, to->mutable_seal());
  }
  void operator()(const consensus::LossReport& from) {
    header->mutable_loss_report()->set_checksum(Checksum(*from.losses));
    behind.piece = from.losses;
  }
  void operator()(const consensus::HandoverTalk& from) {
    header->mutable_handover_talk()->set_checksum(Checksum(*from.word));
    behind.piece = from.word;
  }
  void operator()(const consensus::Abdicate& from) {
    Put(from.ballot, header->mutable_abdicate()->mutable_ballot());
  }
};

bool GetRefusal(uint32_t from, consensus::Refusal* to) {
  *to = static_cast<consensus::Refusal>(from);
  return from <= static_cast<uint32_t>(consensus::Refusal::kUnable);
}

}  // namespace

BehindHeader WriteBody(const consensus::MessageBody& body, PeerHeader* header) {
  BodyWriter writer{header, {}};
  std::visit([&](const auto& each) { writer(each); }, body);
  return std::move(writer.behind);
}

bool ReadBody(const PeerHeader& header, consensus::MessageBody* body) {
  switch (header.body_case()) {
    case PeerHeader::kCanvass: {
      const auto& from = header.canvass();
      *body = consensus::Canvass{Get(from.ballot()), Get(from.last())};
      return true;
    }
    case PeerHeader::kCanvassReply: {
      const auto& from = header.canvass_reply();
      consensus::CanvassReply to{Get(from.ballot()), from.granted()};
      to.promised = Get(from.promised());
      const bool known = GetRefusal(from.refusal(), &to.refusal);
      *body = to;
      return known;
    }
    case PeerHeader::kPrepare: {
      const auto& from = header.prepare();
      *body = consensus::Prepare{Get(from.ballot()), Get(from.succeeds())};
      return true;
    }
    case PeerHeader::kPromise: {
      const auto& from = header.promise();
      *body = consensus::Promise{Get(from.ballot()), Get(from.last())};
      return true;
    }
    case PeerHeader::kNack: {
      const auto& from = header.nack();
      consensus::Nack to{Get(from.ballot()), Get(from.promised())};
      const bool known = GetRefusal(from.refusal(), &to.refusal);
      *body = to;
      return known;
    }
    case PeerHeader::kFetch: {
      const auto& from = header.fetch();
      *body = consensus::Fetch{Get(from.ballot()), Get(from.prev()), from.bytes_max()};
      return true;
    }
    case PeerHeader::kFetched: {
      const auto& from = header.fetched();
      *body = consensus::Fetched{Get(from.ballot()), Get(from.promised()), from.matched(),
                                 Get(from.prev()),   Get(from.base()),     {}};
      return true;
    }
    case PeerHeader::kAccept: {
      const auto& from = header.accept();
      *body = consensus::Accept{.ballot = Get(from.ballot()),
                                .prev = Get(from.prev()),
                                .entries = {},
                                .commit = Slot{from.commit_slot()},
                                .sent_at_us = from.sent_at_us(),
                                .lease_us = from.lease_us(),
                                .read_round = from.read_round(),
                                .durable = Slot{from.durable_slot()},
                                .proof_age_us = from.proof_age_us(),
                                .quorum_age_us = from.quorum_age_us(),
                                .echo_us = from.echo_us(),
                                .data_floor = Slot{from.data_floor()},
                                .health = Get(from.health())};
      return true;
    }
    case PeerHeader::kAccepted: {
      const auto& from = header.accepted();
      *body = consensus::Accepted{.ballot = Get(from.ballot()),
                                  .matched = from.matched(),
                                  .hint = Get(from.hint()),
                                  .match = Slot{from.match_slot()},
                                  .sent_at_us = from.sent_at_us(),
                                  .lease_granted = from.lease_granted(),
                                  .read_round = from.read_round(),
                                  .clock_us = from.clock_us(),
                                  .health = Get(from.health())};
      return true;
    }
    case PeerHeader::kAskSlot:
      *body = consensus::AskSlot{header.ask_slot().ask()};
      return true;
    case PeerHeader::kTellSlot: {
      const auto& from = header.tell_slot();
      *body = consensus::TellSlot{from.ask(), from.granted(), Slot{from.slot()}};
      return true;
    }
    case PeerHeader::kAbdicate:
      *body = consensus::Abdicate{Get(header.abdicate().ballot())};
      return true;
    case PeerHeader::kSnapshotOffer: {
      const auto& from = header.snapshot_offer();
      consensus::SnapshotOffer to{.ballot = Get(from.ballot()),
                                  .snapshot = from.snapshot(),
                                  .prev = Get(from.prev()),
                                  .last = Get(from.last()),
                                  .entry = nullptr,
                                  .configuration = {Get(from.configuration_at()), {}},
                                  .bytes = from.bytes()};
      Decoder membership(from.membership());
      const bool read = ReadMembership(&membership, &to.configuration.membership);
      *body = std::move(to);
      return read && membership.Done();
    }
    case PeerHeader::kSnapshotPull: {
      const auto& from = header.snapshot_pull();
      *body = consensus::SnapshotPull{from.snapshot(), from.position(), from.window_bytes(),
                                      from.again(),    from.done(),     from.failed()};
      return true;
    }
    case PeerHeader::kSnapshotChunk: {
      const auto& from = header.snapshot_chunk();
      *body = consensus::SnapshotChunk{from.snapshot(), from.position(), from.checksum(), nullptr};
      return true;
    }
    case PeerHeader::kTakeOver: {
      const auto& from = header.take_over();
      *body = consensus::TakeOver{Get(from.ballot()), Get(from.seal())};
      return true;
    }
    case PeerHeader::kLossReport:
      *body = consensus::LossReport{};
      return true;
    case PeerHeader::kHandoverTalk:
      *body = consensus::HandoverTalk{};
      return true;
    case PeerHeader::kHello:
    case PeerHeader::BODY_NOT_SET:
      return false;
  }
  return false;
}

}  // namespace baton::server
