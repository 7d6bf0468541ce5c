#include "tests/sim/members_asked.h"

#include <algorithm>

#include "base/check.h"
#include "server/codec/membership_codec.h"

namespace baton::sim {
namespace {

constexpr char kMark = '#';

consensus::Member MemberOf(const server::MemberInfo& info) {
  return {info.node, static_cast<consensus::Role>(info.role),
          server::EncodeCard({info.name, info.directory, info.client_address, info.peer_address})};
}

bool ByNode(const server::MemberInfo& a, const server::MemberInfo& b) { return a.node < b.node; }

}  // namespace

size_t MembersAsked::Add(server::MembersCall* call, bool legal) {
  BATON_CHECK(!call->members.empty());
  std::sort(call->members.begin(), call->members.end(), ByNode);
  std::string& address = call->members.front().client_address;
  address = address.substr(0, address.find(kMark)) + kMark + std::to_string(all_.size());
  MembersAsk ask;
  ask.from = call->from;
  ask.legal = legal;
  for (const server::MemberInfo& info : call->members) ask.wanted.push_back(MemberOf(info));
  all_.push_back(std::move(ask));
  return all_.size() - 1;
}

void MembersAsked::Told(size_t number, const server::MembersResult* result) {
  if (result == nullptr) return;
  MembersAsk& ask = all_[number];
  if (result->failure.ok()) {
    ask.told = MembersAsk::Told::kDone;
    ask.epoch = result->epoch;
  } else if (result->failure.reason != server::Reason::kOutcomeUnknown) {
    ask.told = MembersAsk::Told::kRefused;
  }
}

std::optional<size_t> MembersAsked::AskOf(const std::vector<consensus::Member>& members) const {
  const auto card = server::DecodeCard(members.front().card);
  BATON_CHECK(card.has_value());
  const size_t mark = card->client_address.find(kMark);
  if (mark == std::string::npos) return std::nullopt;
  return std::stoul(card->client_address.substr(mark + 1));
}

std::vector<consensus::Membership> MembersAsked::Open(Epoch chosen) const {
  std::vector<consensus::Membership> open;
  for (const MembersAsk& ask : all_) {
    const bool over = ask.told == MembersAsk::Told::kRefused || ask.from.value + 2 <= chosen.value;
    if (!over) open.push_back({Epoch{ask.from.value + 1}, ask.wanted, {}});
  }
  return open;
}

}  // namespace baton::sim
