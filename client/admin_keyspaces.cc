// Changes and lists of keyspaces: asked of the node that leads.
#include "client/admin_calls.h"

namespace baton {
namespace {

using client::ContextOf;
using client::FromWire;

v1::KeyspaceSettings ToWire(const KeyspaceSettings& from) {
  v1::KeyspaceSettings to;
  if (from.mode) to.set_mode(static_cast<v1::KeyspaceMode>(*from.mode));
  if (from.on_budget) to.set_on_budget(static_cast<v1::OnBudget>(*from.on_budget));
  if (from.max_unreplicated_bytes) to.set_max_unreplicated_bytes(*from.max_unreplicated_bytes);
  if (from.max_unreplicated_ops) to.set_max_unreplicated_ops(*from.max_unreplicated_ops);
  if (from.max_unreplicated_ms) to.set_max_unreplicated_ms(*from.max_unreplicated_ms);
  if (from.size_bytes_max) to.set_size_bytes_max(*from.size_bytes_max);
  if (from.value_bytes_max) to.set_value_bytes_max(*from.value_bytes_max);
  if (from.default_staleness_ms) to.set_default_staleness_ms(*from.default_staleness_ms);
  if (from.description) to.set_description(*from.description);
  return to;
}

KeyspaceSettings Read(const v1::KeyspaceSettings& from) {
  KeyspaceSettings to;
  to.mode = static_cast<KeyspaceMode>(from.mode());
  to.on_budget = static_cast<OnBudget>(from.on_budget());
  to.max_unreplicated_bytes = from.max_unreplicated_bytes();
  to.max_unreplicated_ops = from.max_unreplicated_ops();
  to.max_unreplicated_ms = from.max_unreplicated_ms();
  to.size_bytes_max = from.size_bytes_max();
  to.value_bytes_max = from.value_bytes_max();
  to.default_staleness_ms = from.default_staleness_ms();
  to.description = from.description();
  return to;
}

UnreplicatedInfo Read(const v1::Unreplicated& from) {
  UnreplicatedInfo to;
  to.ops = from.ops();
  to.bytes = from.bytes();
  to.age_us = from.age_us();
  to.ops_high = from.ops_high();
  to.bytes_high = from.bytes_high();
  to.age_high_us = from.age_high_us();
  to.waited = from.waited();
  to.failed = from.failed();
  return to;
}

template <class Request>
Request RequestOf(const std::string& name, const std::string& reason, const CallOptions& options) {
  Request request;
  *request.mutable_context() = ContextOf(options);
  request.set_name(name);
  request.set_reason(reason);
  return request;
}

template <class Impl, class Request>
absl::StatusOr<KeyspaceChange> Change(
    Impl* impl,
    grpc::Status (v1::Cluster::Stub::*method)(grpc::ClientContext*, const Request&,
                                              v1::ChangeKeyspaceResponse*),
    const Request& request, const CallOptions& options) {
  v1::ChangeKeyspaceResponse response;
  const absl::Status status = impl->AskLeader(method, request, options, &response);
  if (!status.ok()) return status;
  KeyspaceChange change;
  change.keyspace = FromWire(response.keyspace());
  change.unchanged = response.unchanged();
  change.position = Position{response.position().reign_round(), response.position().slot()};
  change.revision = response.position().revision();
  return change;
}

}  // namespace

KeyspaceInfo client::FromWire(const v1::Keyspace& from) {
  KeyspaceInfo to;
  to.id = from.id();
  to.name = from.name();
  to.settings = Read(from.settings());
  to.created_wall_us = from.created_wall_us();
  to.size_bytes = from.size_bytes();
  if (from.has_unreplicated()) to.unreplicated = Read(from.unreplicated());
  return to;
}

const char* KeyspaceModeName(KeyspaceMode mode) {
  return mode == KeyspaceMode::kAsync ? "async" : "sync";
}
const char* OnBudgetName(OnBudget on_budget) {
  return on_budget == OnBudget::kFail ? "fail" : "wait";
}

absl::StatusOr<KeyspaceChange> Admin::CreateKeyspace(const std::string& name,
                                                     const KeyspaceSettings& settings,
                                                     const std::string& reason,
                                                     const CallOptions& options) {
  auto request = RequestOf<v1::CreateKeyspaceRequest>(name, reason, options);
  *request.mutable_settings() = ToWire(settings);
  return Change(impl_.get(), &v1::Cluster::Stub::CreateKeyspace, request, options);
}

absl::StatusOr<KeyspaceChange> Admin::AlterKeyspace(const std::string& name,
                                                    const KeyspaceSettings& settings,
                                                    const std::string& reason,
                                                    const CallOptions& options) {
  auto request = RequestOf<v1::AlterKeyspaceRequest>(name, reason, options);
  *request.mutable_settings() = ToWire(settings);
  return Change(impl_.get(), &v1::Cluster::Stub::AlterKeyspace, request, options);
}

absl::StatusOr<KeyspaceChange> Admin::DropKeyspace(const std::string& name,
                                                   const std::string& confirm_name,
                                                   const std::string& reason,
                                                   const CallOptions& options) {
  // By its id it can be asked for again: another keyspace may get the name meanwhile.
  const auto named = ListKeyspaces(name, options);
  if (!named.ok()) return named.status();
  auto request = RequestOf<v1::DropKeyspaceRequest>(name, reason, options);
  request.set_confirm_name(confirm_name);
  if (named->size() == 1) request.set_id(named->front().id);
  return Change(impl_.get(), &v1::Cluster::Stub::DropKeyspace, request, options);
}

absl::StatusOr<std::vector<KeyspaceInfo>> Admin::ListKeyspaces(const std::string& name,
                                                               const CallOptions& options) {
  v1::ListKeyspacesRequest request;
  *request.mutable_context() = ContextOf(options);
  request.set_name(name);
  v1::ListKeyspacesResponse response;
  const absl::Status status =
      impl_->AskLeader(&v1::Cluster::Stub::ListKeyspaces, request, options, &response);
  if (!status.ok()) return status;
  std::vector<KeyspaceInfo> keyspaces;
  for (const v1::Keyspace& keyspace : response.keyspaces()) {
    keyspaces.push_back(FromWire(keyspace));
  }
  return keyspaces;
}

}  // namespace baton
