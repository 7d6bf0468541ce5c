#include "tests/explore/choice.h"

#include <charconv>

namespace baton::explore {
namespace {

constexpr std::string_view kLetters = "dexwhltacrpqfbsmkgznoy";  // by Act

std::optional<Choice> ParseChoice(std::string_view word) {
  const size_t act = kLetters.find(word.front());
  if (act == std::string_view::npos) return std::nullopt;
  Choice choice{static_cast<Act>(act)};
  const char* const end = word.data() + word.size();
  auto parsed = std::from_chars(word.data() + 1, end, choice.subject);
  if (parsed.ec != std::errc()) return std::nullopt;
  if (choice.has_extra() && parsed.ptr != end && *parsed.ptr == '+') {
    parsed = std::from_chars(parsed.ptr + 1, end, choice.extra);
    if (parsed.ec != std::errc() || choice.extra > Choice::kExtraMax) return std::nullopt;
  }
  return parsed.ptr == end ? std::optional(choice) : std::nullopt;
}

}  // namespace

uint16_t Choice::Pack() const {
  const unsigned low = has_extra() ? subject << 4 | extra : subject;
  return static_cast<uint16_t>(static_cast<unsigned>(act) << 8 | low);
}

Choice Choice::Unpack(uint16_t packed) {
  const auto act = static_cast<Act>(packed >> 8);
  const auto low = static_cast<uint8_t>(packed & 0xff);
  if (!Choice{act}.has_extra()) return Choice{act, low};
  return Choice{act, static_cast<uint8_t>(low >> 4), static_cast<uint8_t>(low & kExtraMax)};
}

std::string ToText(const Choice& choice) {
  std::string text(1, kLetters[static_cast<size_t>(choice.act)]);
  text += std::to_string(choice.subject);
  if (choice.has_extra()) text += "+" + std::to_string(choice.extra);
  return text;
}

std::string ToText(const Path& path) {
  std::string text;
  for (const Choice& choice : path) text += (text.empty() ? "" : " ") + ToText(choice);
  return text;
}

std::optional<Path> ParsePath(std::string_view text) {
  Path path;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(" ,"), text.size());
    if (end > 0) {
      const std::optional<Choice> choice = ParseChoice(text.substr(0, end));
      if (!choice) return std::nullopt;
      path.push_back(*choice);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return path;
}

}  // namespace baton::explore
