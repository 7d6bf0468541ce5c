#include "server/faults/message_kind.h"

#include <utility>

namespace baton::server {
namespace {

constexpr std::string_view kHeartbeat = "heartbeat";

// One for each alternative: a message without a name does not compile.
constexpr std::string_view NameOf(const consensus::Canvass*) { return "canvass"; }
constexpr std::string_view NameOf(const consensus::CanvassReply*) { return "canvass_reply"; }
constexpr std::string_view NameOf(const consensus::Prepare*) { return "prepare"; }
constexpr std::string_view NameOf(const consensus::Promise*) { return "promise"; }
constexpr std::string_view NameOf(const consensus::Nack*) { return "nack"; }
constexpr std::string_view NameOf(const consensus::Fetch*) { return "fetch"; }
constexpr std::string_view NameOf(const consensus::Fetched*) { return "fetched"; }
constexpr std::string_view NameOf(const consensus::Accept*) { return "accept"; }
constexpr std::string_view NameOf(const consensus::Accepted*) { return "accepted"; }
constexpr std::string_view NameOf(const consensus::Abdicate*) { return "abdicate"; }
constexpr std::string_view NameOf(const consensus::TakeOver*) { return "take_over"; }
constexpr std::string_view NameOf(const consensus::AskSlot*) { return "ask_slot"; }
constexpr std::string_view NameOf(const consensus::TellSlot*) { return "tell_slot"; }
constexpr std::string_view NameOf(const consensus::SnapshotOffer*) { return "snapshot_offer"; }
constexpr std::string_view NameOf(const consensus::SnapshotPull*) { return "snapshot_pull"; }
constexpr std::string_view NameOf(const consensus::SnapshotChunk*) { return "snapshot_chunk"; }
constexpr std::string_view NameOf(const consensus::LossReport*) { return "loss_report"; }
constexpr std::string_view NameOf(const consensus::HandoverTalk*) { return "handover_talk"; }

template <size_t... I>
std::vector<std::string> AllNames(std::index_sequence<I...>) {
  using Body = consensus::MessageBody;
  return {std::string(NameOf(static_cast<const std::variant_alternative_t<I, Body>*>(nullptr)))...,
          std::string(kHeartbeat)};
}

}  // namespace

std::string_view MessageKind(const consensus::MessageBody& body) {
  const auto* accept = std::get_if<consensus::Accept>(&body);
  if (accept != nullptr && accept->entries.empty()) return kHeartbeat;
  return std::visit([](const auto& message) { return NameOf(&message); }, body);
}

const std::vector<std::string>& MessageKinds() {
  static const auto* const kinds = new std::vector<std::string>(
      AllNames(std::make_index_sequence<std::variant_size_v<consensus::MessageBody>>()));
  return *kinds;
}

}  // namespace baton::server
