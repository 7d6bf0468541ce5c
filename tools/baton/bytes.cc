#include "tools/baton/bytes.h"

#include <array>
#include <cstdint>
#include <cstdio>

namespace baton::cli {
namespace {

constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<int8_t, 256> MakeValues() {
  std::array<int8_t, 256> values{};
  for (int8_t& value : values) value = -1;
  for (int i = 0; i < 64; ++i) values[static_cast<unsigned char>(kAlphabet[i])] = i;
  return values;
}
constexpr std::array<int8_t, 256> kValues = MakeValues();

// Bytes of the UTF-8 character at the start of `bytes`; 0 if there is none (RFC 3629: no overlong
// forms, no surrogates, nothing above U+10FFFF).
size_t CharacterBytes(std::string_view bytes) {
  const auto at = [bytes](size_t i) {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u;
  };
  const auto follows = [&at](size_t i) { return (at(i) & 0xc0) == 0x80; };
  const unsigned first = at(0);
  const unsigned second = at(1);
  if (bytes.empty()) return 0;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    if (first == 0xe0 && second < 0xa0) return 0;
    if (first == 0xed && second > 0x9f) return 0;
    return follows(1) && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    if (first == 0xf0 && second < 0x90) return 0;
    if (first == 0xf4 && second > 0x8f) return 0;
    return follows(1) && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

std::string Escaped(unsigned char byte) {
  if (byte == '\n') return "\\n";
  if (byte == '\t') return "\\t";
  if (byte == '\\') return "\\\\";
  char text[5];
  std::snprintf(text, sizeof text, "\\x%02x", byte);
  return text;
}

}  // namespace

bool IsUtf8(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t size = CharacterBytes(bytes);
    if (size == 0) return false;
    bytes.remove_prefix(size);
  }
  return true;
}

std::string Base64(std::string_view bytes) {
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j) {
      group = group << 8 | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    }
    text += kAlphabet[group >> 18];
    text += kAlphabet[group >> 12 & 63];
    text += i + 1 < bytes.size() ? kAlphabet[group >> 6 & 63] : '=';
    text += i + 2 < bytes.size() ? kAlphabet[group & 63] : '=';
  }
  return text;
}

std::optional<std::string> FromBase64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  for (size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    const int padding = !last ? 0 : text[i + 2] == '=' ? 2 : text[i + 3] == '=' ? 1 : 0;
    uint32_t group = 0;
    for (int j = 0; j < 4; ++j) {
      const char c = text[i + j];
      const int value = j >= 4 - padding ? (c == '=' ? 0 : -1) : kValues[static_cast<uint8_t>(c)];
      if (value < 0) return std::nullopt;
      group = group << 6 | static_cast<uint32_t>(value);
    }
    bytes += static_cast<char>(group >> 16);
    if (padding < 2) bytes += static_cast<char>(group >> 8);
    if (padding < 1) bytes += static_cast<char>(group);
  }
  return bytes;
}

void SetBytes(Json* object, const std::string& name, std::string_view bytes) {
  if (IsUtf8(bytes)) {
    (*object)[name] = std::string(bytes);
  } else {
    (*object)[name + "_base64"] = Base64(bytes);
  }
}

absl::StatusOr<std::string> GetBytes(const Json& object, const std::string& name) {
  const std::string encoded_name = name + "_base64";
  const bool plain = object.contains(name);
  const bool encoded = object.contains(encoded_name);
  if (plain == encoded) {
    return absl::InvalidArgumentError("give exactly one of \"" + name + "\" and \"" + encoded_name +
                                      "\"");
  }
  const Json& field = object[plain ? name : encoded_name];
  if (!field.is_string()) {
    return absl::InvalidArgumentError("\"" + (plain ? name : encoded_name) + "\" must be a string");
  }
  if (plain) return field.get<std::string>();
  std::optional<std::string> bytes = FromBase64(field.get<std::string>());
  if (!bytes) return absl::InvalidArgumentError("\"" + encoded_name + "\" is not base64");
  return *std::move(bytes);
}

std::string Printable(std::string_view bytes, size_t width_max) {
  std::string text;
  size_t width = 0;
  while (!bytes.empty()) {
    const size_t size = CharacterBytes(bytes);
    const auto first = static_cast<unsigned char>(bytes[0]);
    const bool safe = size > 0 && first >= 0x20 && first != 0x7f && first != '\\' &&
                      !(size == 2 && first == 0xc2 && static_cast<uint8_t>(bytes[1]) < 0xa0);
    const std::string piece = safe ? std::string(bytes.substr(0, size)) : Escaped(first);
    const size_t piece_width = safe ? 1 : piece.size();
    if (width + piece_width > width_max) return text + "…";
    text += piece;
    width += piece_width;
    bytes.remove_prefix(safe ? size : 1);
  }
  return text;
}

size_t DisplayWidth(std::string_view text) {
  size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return width;
}

std::string PrefixEnd(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

}  // namespace baton::cli
