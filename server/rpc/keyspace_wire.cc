#include "server/rpc/keyspace_wire.h"

#include <utility>
#include <variant>

#include "base/check.h"
#include "server/rpc/failure.h"

namespace baton::server {
namespace {

Failure CheckEnums(const v1::KeyspaceSettings& settings) {
  if (!v1::KeyspaceMode_IsValid(settings.mode())) {
    return InvalidRequest("mode " + std::to_string(settings.mode()) + " is not known");
  }
  if (!v1::OnBudget_IsValid(settings.on_budget())) {
    return InvalidRequest("on_budget " + std::to_string(settings.on_budget()) + " is not known");
  }
  return {};
}

// Those that are given.
engine::AlterKeyspace Given(const v1::KeyspaceSettings& from) {
  engine::AlterKeyspace to;
  if (from.mode() != v1::KEYSPACE_MODE_UNSPECIFIED) {
    to.mode = static_cast<engine::KeyspaceMode>(from.mode());
  }
  if (from.on_budget() != v1::ON_BUDGET_UNSPECIFIED) {
    to.on_budget = static_cast<engine::OnBudget>(from.on_budget());
  }
  if (from.has_max_unreplicated_bytes()) to.max_unreplicated_bytes = from.max_unreplicated_bytes();
  if (from.has_max_unreplicated_ops()) to.max_unreplicated_ops = from.max_unreplicated_ops();
  if (from.has_max_unreplicated_ms()) to.max_unreplicated_ms = from.max_unreplicated_ms();
  if (from.has_size_bytes_max()) to.size_bytes_max = from.size_bytes_max();
  if (from.has_value_bytes_max()) to.value_bytes_max = from.value_bytes_max();
  if (from.has_default_staleness_ms()) to.default_staleness_ms = from.default_staleness_ms();
  if (from.has_description()) to.description = from.description();
  return to;
}
static_assert(static_cast<int>(engine::KeyspaceMode::kAsync) == v1::KEYSPACE_MODE_ASYNC);
static_assert(static_cast<int>(engine::OnBudget::kFail) == v1::ON_BUDGET_FAIL);

}  // namespace

Failure ParseChange(const v1::CreateKeyspaceRequest& request, engine::KeyspaceRequest* to) {
  if (Failure f = CheckEnums(request.settings()); !f.ok()) return f;
  engine::CreateKeyspace create;
  create.name = request.name();
  create.settings = engine::Altered({}, Given(request.settings()));
  to->change = std::move(create);
  return {};
}

Failure ParseChange(const v1::AlterKeyspaceRequest& request, engine::KeyspaceRequest* to) {
  if (Failure f = CheckEnums(request.settings()); !f.ok()) return f;
  engine::AlterKeyspace alter = Given(request.settings());
  alter.name = request.name();
  to->change = std::move(alter);
  return {};
}

Failure ParseChange(const v1::DropKeyspaceRequest& request, engine::KeyspaceRequest* to) {
  if (request.confirm_name() != request.name()) {
    return InvalidRequest(
        "dropping a keyspace deletes all that is in it: give its name once more in confirm_name");
  }
  to->change = engine::DropKeyspace{request.name(), KeyspaceId{request.id()}};
  return {};
}

void ToProto(const engine::KeyspaceInfo& from, v1::Keyspace* to) {
  to->set_id(from.id.value);
  to->set_name(from.name);
  to->set_created_wall_us(from.created_wall_us);
  const engine::KeyspaceSettings& settings = from.settings;
  v1::KeyspaceSettings* const out = to->mutable_settings();
  out->set_mode(static_cast<v1::KeyspaceMode>(settings.mode));
  out->set_on_budget(static_cast<v1::OnBudget>(settings.on_budget));
  out->set_max_unreplicated_bytes(settings.max_unreplicated_bytes);
  out->set_max_unreplicated_ops(settings.max_unreplicated_ops);
  out->set_max_unreplicated_ms(settings.max_unreplicated_ms);
  out->set_size_bytes_max(settings.size_bytes_max);
  out->set_value_bytes_max(settings.value_bytes_max);
  out->set_default_staleness_ms(settings.default_staleness_ms);
  out->set_description(settings.description);
}

void ToProto(const KeyspaceStatus& from, v1::Keyspace* to) {
  ToProto(*from.info, to);
  to->set_size_bytes(from.size_bytes);
  if (!from.unreplicated) return;
  const UnreplicatedStats& stats = *from.unreplicated;
  v1::Unreplicated* const out = to->mutable_unreplicated();
  out->set_ops(stats.ops);
  out->set_bytes(stats.bytes);
  out->set_age_us(static_cast<uint64_t>(stats.age_us));
  out->set_ops_high(stats.ops_high);
  out->set_bytes_high(stats.bytes_high);
  out->set_age_high_us(static_cast<uint64_t>(stats.age_high_us));
  out->set_waited(stats.waited);
  out->set_failed(stats.failed);
}

Failure FillResponse(const Answer& answer, v1::ChangeKeyspaceResponse* to) {
  const auto* result = std::get_if<engine::KeyspaceResult>(&answer.result);
  BATON_CHECK(result != nullptr) << "a change of keyspaces was answered with something else";
  FillPosition(answer, to);
  ToProto(result->info, to->mutable_keyspace());
  to->set_unchanged(result->unchanged);
  return {};
}

}  // namespace baton::server
