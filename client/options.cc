#include "baton/options.h"

#include <algorithm>

#include "client/check_endpoint.h"
#include "client/wire_error.h"

namespace baton {
namespace client {
namespace {

constexpr size_t kEndpointsMax = 64;

absl::Status Wrong(const std::string& message) {
  return MakeError(absl::StatusCode::kInvalidArgument, Reason::kInvalidArgument, message);
}

}  // namespace

absl::Status CheckEndpoint(std::string_view endpoint) {
  const std::string quoted = "\"" + std::string(endpoint) + "\"";
  const size_t colon = endpoint.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    return Wrong("endpoint " + quoted + " is not HOST:PORT");
  }
  const std::string_view host = endpoint.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (!bracketed && host.find_first_of(":[]/ \t") != std::string_view::npos) {
    return Wrong("endpoint " + quoted + ": write it as HOST:PORT, or [IPV6]:PORT");
  }
  const std::string_view port = endpoint.substr(colon + 1);
  int number = 0;
  for (const char c : port) {
    if (c < '0' || c > '9' || number > 65535) return Wrong("endpoint " + quoted + ": bad port");
    number = number * 10 + (c - '0');
  }
  if (number < 1 || number > 65535) {
    return Wrong("endpoint " + quoted + ": the port must be 1 to 65535");
  }
  return absl::OkStatus();
}

absl::Status CheckEndpoints(const std::vector<std::string>& endpoints) {
  if (endpoints.empty()) {
    return Wrong("no endpoint was given: name HOST:PORT of at least one node");
  }
  if (endpoints.size() > kEndpointsMax) {
    return Wrong("more than " + std::to_string(kEndpointsMax) + " endpoints: name fewer");
  }
  for (const std::string& endpoint : endpoints) {
    absl::Status checked = CheckEndpoint(endpoint);
    if (!checked.ok()) return checked;
  }
  return absl::OkStatus();
}

}  // namespace client

const char* DurabilityName(Durability durability) {
  switch (durability) {
    case Durability::kDefault:
      return "default";
    case Durability::kLocal:
      return "local";
    case Durability::kQuorum:
      return "quorum";
  }
  return "unknown";
}

absl::StatusOr<std::vector<std::string>> ParseEndpoints(std::string_view list) {
  std::vector<std::string> endpoints;
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view part = list.substr(0, comma);
    list.remove_prefix(std::min(comma + 1, list.size()));
    if (!part.empty() && std::find(endpoints.begin(), endpoints.end(), part) == endpoints.end()) {
      endpoints.emplace_back(part);
    }
  }
  absl::Status checked = client::CheckEndpoints(endpoints);
  if (!checked.ok()) return checked;
  return endpoints;
}

}  // namespace baton
