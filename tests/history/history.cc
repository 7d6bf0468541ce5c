#include "tests/history/history.h"

#include <istream>
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace baton::history {
namespace {

using Json = nlohmann::ordered_json;

constexpr Kind kKinds[] = {Kind::kGet, Kind::kPut, Kind::kDelete};
constexpr Outcome kOutcomes[] = {Outcome::kOk, Outcome::kFailed, Outcome::kUnknown};

bool IsUtf8(const std::string& bytes) {
  try {
    return !Json(bytes).dump().empty();
  } catch (const Json::type_error&) {
    return false;
  }
}

// As the command line does: a string when it is UTF-8, else base64 under another name.
void PutBytes(const char* name, const std::string& bytes, Json* to) {
  if (IsUtf8(bytes)) {
    (*to)[name] = bytes;
  } else {
    (*to)[absl::StrCat(name, "_base64")] = absl::Base64Escape(bytes);
  }
}

// Fields of one line; the first that is missing or wrong is remembered.
class Fields {
 public:
  explicit Fields(const Json& json) : json_(json) {}

  std::optional<std::string> Bytes(const std::string& name) {
    const auto plain = json_.find(name);
    if (plain != json_.end()) {
      if (plain->is_null()) return std::nullopt;
      if (plain->is_string()) return plain->get<std::string>();
      return Wrong(name, "a string or null");
    }
    const auto base64 = json_.find(name + "_base64");
    if (base64 == json_.end()) return std::nullopt;
    std::string bytes;
    if (base64->is_string() && absl::Base64Unescape(base64->get<std::string>(), &bytes)) {
      return bytes;
    }
    return Wrong(name + "_base64", "base64");
  }
  template <class Number>
  Number Integer(const std::string& name, std::optional<Number> otherwise = std::nullopt) {
    const auto field = json_.find(name);
    if (field == json_.end() && otherwise) return *otherwise;
    if (field != json_.end() && field->is_number_integer()) return field->get<Number>();
    Wrong(name, "an integer");
    return 0;
  }
  template <class Enum, size_t kCount>
  Enum OneOf(const std::string& name, const Enum (&all)[kCount]) {
    const auto field = json_.find(name);
    std::string names;
    for (const Enum one : all) {
      if (field != json_.end() && *field == std::string(Name(one))) return one;
      absl::StrAppend(&names, names.empty() ? "" : " | ", std::string(Name(one)));
    }
    Wrong(name, names);
    return all[0];
  }
  std::nullopt_t Wrong(const std::string& name, const std::string& expected) {
    if (wrong_.empty()) wrong_ = absl::StrCat("field \"", name, "\" must be ", expected);
    return std::nullopt;
  }
  const std::string& wrong() const { return wrong_; }

 private:
  const Json& json_;
  std::string wrong_;
};

}  // namespace

std::string_view Name(Kind kind) {
  switch (kind) {
    case Kind::kGet:
      return "get";
    case Kind::kPut:
      return "put";
    case Kind::kDelete:
      return "delete";
  }
  return "";
}

std::string_view Name(Outcome outcome) {
  switch (outcome) {
    case Outcome::kOk:
      return "ok";
    case Outcome::kFailed:
      return "failed";
    case Outcome::kUnknown:
      return "unknown";
  }
  return "";
}

std::string ToJson(const Operation& operation) {
  Json json;
  json["client"] = operation.client;
  json["kind"] = std::string(Name(operation.kind));
  PutBytes("key", operation.key, &json);
  if (operation.value) {
    PutBytes("value", *operation.value, &json);
  } else {
    json["value"] = nullptr;
  }
  json["invoked_us"] = operation.invoked_us;
  json["returned_us"] = operation.returned_us;
  json["outcome"] = std::string(Name(operation.outcome));
  json["revision"] = operation.revision;
  json["slot"] = operation.slot;
  return json.dump();
}

absl::StatusOr<Operation> OperationFromJson(std::string_view line) {
  const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return absl::InvalidArgumentError("not a JSON object");
  Fields fields(json);
  Operation operation;
  operation.client = fields.Integer<uint64_t>("client");
  operation.kind = fields.OneOf("kind", kKinds);
  const std::optional<std::string> key = fields.Bytes("key");
  if (!key) fields.Wrong("key", "there");
  operation.key = key.value_or("");
  operation.value = fields.Bytes("value");
  operation.invoked_us = fields.Integer<int64_t>("invoked_us");
  operation.returned_us = fields.Integer<int64_t>("returned_us");
  operation.outcome = fields.OneOf("outcome", kOutcomes);
  operation.revision = fields.Integer<uint64_t>("revision", 0);
  operation.slot = fields.Integer<uint64_t>("slot", 0);
  if (operation.kind == Kind::kPut && !operation.value) fields.Wrong("value", "there in a put");
  if (operation.returned_us < operation.invoked_us) {
    fields.Wrong("returned_us", "at or after invoked_us");
  }
  if (!fields.wrong().empty()) return absl::InvalidArgumentError(fields.wrong());
  return operation;
}

void WriteHistory(const std::vector<Operation>& history, std::ostream* to) {
  for (const Operation& operation : history) *to << ToJson(operation) << '\n';
}

absl::StatusOr<std::vector<Operation>> ReadHistory(std::istream* from) {
  std::vector<Operation> history;
  std::string line;
  for (uint64_t number = 1; std::getline(*from, line); ++number) {
    if (line.empty()) continue;
    absl::StatusOr<Operation> operation = OperationFromJson(line);
    if (!operation.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("line ", number, ": ", operation.status().message()));
    }
    history.push_back(*std::move(operation));
  }
  return history;
}

}  // namespace baton::history
