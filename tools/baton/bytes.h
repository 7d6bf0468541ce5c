// Bytes in JSON, on a terminal and from the command line: keys and values may be any bytes.
//
// Pure functions; any thread.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace baton::cli {

using Json = nlohmann::ordered_json;  // fields print in the order they were set

bool IsUtf8(std::string_view bytes);

std::string Base64(std::string_view bytes);
// nullopt: not base64 with its padding (RFC 4648, section 4).
std::optional<std::string> FromBase64(std::string_view text);

// Sets object[name] to the bytes if they are valid UTF-8, else object[name + "_base64"].
void SetBytes(Json* object, const std::string& name, std::string_view bytes);
// The reverse. INVALID_ARGUMENT when neither field is there, both are, or one is malformed.
absl::StatusOr<std::string> GetBytes(const Json& object, const std::string& name);

// One line that a terminal shows safely: control and non-UTF-8 bytes as \n, \t or \xNN, at most
// `width_max` characters, then "…".
std::string Printable(std::string_view bytes, size_t width_max);

// Characters that valid UTF-8 text takes on a terminal, one column each.
size_t DisplayWidth(std::string_view text);

// The least key greater than all that start with `prefix`; empty when there is none.
std::string PrefixEnd(std::string_view prefix);

}  // namespace baton::cli
