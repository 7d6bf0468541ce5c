#include "tools/baton/context.h"

#include <pwd.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

#include "baton/options.h"
#include "tools/baton/flags.h"

namespace baton::cli {
namespace {

std::string EndpointsOfEnvironment() {
  const char* value = std::getenv("BATON_ENDPOINTS");
  return value != nullptr ? value : "";
}

absl::Status Flushed() {
  std::cout.flush();
  if (std::cout) return absl::OkStatus();
  return absl::InternalError("standard output cannot be written to");
}

}  // namespace

bool Context::endpoints_given() const {
  return !endpoints_flag.empty() || !EndpointsOfEnvironment().empty();
}

absl::StatusOr<std::vector<std::string>> Context::Endpoints() const {
  std::string list = endpoints_flag;
  if (list.empty()) list = EndpointsOfEnvironment();
  if (list.empty()) list = kDefaultEndpoints;
  return ParseEndpoints(list);
}

absl::StatusOr<std::chrono::milliseconds> Context::Timeout(
    std::chrono::milliseconds otherwise) const {
  if (timeout_flag.empty()) return otherwise;
  return ParseDuration(timeout_flag);
}

absl::StatusOr<CallOptions> Context::Options(std::chrono::milliseconds otherwise) const {
  const auto timeout = Timeout(otherwise);
  if (!timeout.ok()) return timeout.status();
  CallOptions options;
  options.timeout = *timeout;
  options.actor = Actor();
  return options;
}

absl::StatusOr<std::unique_ptr<Client>> Context::Connect() const {
  absl::StatusOr<std::vector<std::string>> endpoints = Endpoints();
  if (!endpoints.ok()) return endpoints.status();
  ClientOptions options;
  options.endpoints = *std::move(endpoints);
  return Client::Connect(std::move(options));
}

absl::StatusOr<std::unique_ptr<Admin>> Context::ConnectAdmin() const {
  absl::StatusOr<std::vector<std::string>> endpoints = Endpoints();
  if (!endpoints.ok()) return endpoints.status();
  ClientOptions options;
  options.endpoints = *std::move(endpoints);
  return Admin::Connect(std::move(options));
}

absl::Status Context::Print(const Json& object) const {
  std::cout << object.dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  return Flushed();
}

absl::Status Context::Print(const Table& table) const {
  std::cout << table.Text(coloured);
  return Flushed();
}

absl::Status Context::Print(const std::string& text) const {
  std::cout << text;
  return Flushed();
}

void Context::Say(const std::string& message) const { std::cerr << message << std::endl; }

CLI::App* AddCommandInKeyspace(CLI::App* app, const char* name, const char* what,
                               std::string* keyspace) {
  CLI::App* command = app->add_subcommand(name, what);
  command->add_option("--keyspace", *keyspace, "keyspace (default: default)")->type_name("KS");
  return command;
}

std::string Actor() {
  const char* const user = std::getenv("USER");
  if (user != nullptr && *user != '\0') return user;
  const passwd* const entry = getpwuid(getuid());
  return entry != nullptr ? entry->pw_name : "uid " + std::to_string(getuid());
}

}  // namespace baton::cli
