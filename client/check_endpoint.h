// Whether an address can be one. Pure functions, any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace baton::client {

// HOST:PORT or [IPV6]:PORT; else INVALID_ARGUMENT that quotes it.
absl::Status CheckEndpoint(std::string_view endpoint);

// At least one, at most 64, each of them well-formed.
absl::Status CheckEndpoints(const std::vector<std::string>& endpoints);

}  // namespace baton::client
