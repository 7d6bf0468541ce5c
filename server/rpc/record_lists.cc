#include "server/rpc/loss_wire.h"

#include <string>

#include "engine/state/loss.h"
#include "server/replica/answers.h"
#include "server/rpc/failure.h"

namespace baton::server {
namespace {

constexpr uint32_t kLossesDefault = 1'000;
constexpr uint32_t kLossesMax = 10'000;

std::string_view SuffixOf(std::string_view key) { return key.substr(engine::LossKey({}).size()); }

void ToProto(const engine::Loss& from, v1::Loss* to) {
  to->set_born_round(from.entry.born.round);
  to->set_born_node(from.entry.born.node.value);
  to->set_slot(from.entry.slot.value);
  to->set_index(from.index);
  to->set_kind(static_cast<v1::LossKind>(from.kind));
  to->set_acknowledged(static_cast<v1::Acknowledged>(from.acknowledged));
  to->set_keyspace(from.keyspace_name);
  to->set_keyspace_id(from.keyspace.value);
  to->set_key(from.key);
  to->set_end(from.end);
  to->set_value(from.value);
  to->set_revision(from.revision.value);
  to->set_session(from.session);
  to->set_sequence(from.sequence);
  to->set_wall_time_us(from.wall_time_us);
  to->set_found_on(from.found_on.value);
}

}  // namespace

Failure ParseRequest(const v1::ListLossesRequest& request, engine::ScanSpec* to) {
  if (!request.after().empty() && request.after().size() != engine::LossSuffix({}, 0).size()) {
    return InvalidRequest("`after` is not what a list of losses has ended with");
  }
  if (request.limit() > kLossesMax) {
    return InvalidRequest("more than " + std::to_string(kLossesMax) + " losses were asked for");
  }
  to->keyspace = kSystemKeyspace;
  to->begin = engine::LossKey(request.after());
  if (!request.after().empty()) to->begin.push_back('\0');
  to->end = engine::LossKey({});
  ++to->end.back();  // the table after it
  to->limit = request.limit() == 0 ? kLossesDefault : request.limit();
  return {};
}

Failure FillResponse(const Answer& answer, v1::ListLossesResponse* to) {
  const auto& page = std::get<engine::ScanPage>(answer.result);
  for (const engine::Record& record : page.records) {
    const auto loss = engine::DecodeLoss(SuffixOf(record.key), record.value);
    if (!loss.ok()) return UnreadableFailure(loss.status());
    ToProto(*loss, to->add_losses());
  }
  if (page.next) to->set_next(std::string(SuffixOf(page.records.back().key)));
  return {};
}

}  // namespace baton::server
