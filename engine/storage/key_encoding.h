// The keys of the engine: which bytes stand for which key of which keyspace.
//
//   engine key  := keyspace (big32) rest
//   rest        := user key                                    a keyspace with versions = latest
//                | escaped user key, inverted revision (big64) a keyspace with versions = history
//                | table (u8) suffix                           keyspace 0, the system keyspace
//
// A keyspace is of one kind for ever, so the three never meet in one range. Byte order of engine
// keys is (keyspace, user key) order in each kind. docs/storage.md has the bytes and an example.
// Pure functions; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/check.h"
#include "base/coding.h"
#include "base/types.h"

namespace baton::engine {

inline constexpr size_t kKeyspaceBytes = 4;

// Never given to a keyspace, so that every keyspace has an end.
inline constexpr KeyspaceId kKeyspaceIdMax{0xffffffff};

// The tables of the system keyspace. Numbers are never reused.
enum class SystemTable : uint8_t {
  kEngine = 0,           // what the engine keeps for itself; effects may not touch it
  kKeyspaces = 1,        // suffix: id (big32). engine/state/keyspace.h
  kReigns = 2,           // suffix: ballot round (big64), node (big32)
  kMemberships = 3,      // suffix: epoch (big64)
  kKeyspaceChanges = 4,  // suffix: id (big32), revision (big64). engine/state/keyspace_change.h
  kNextIds = 5,          // suffix: what is numbered, as text
  kLosses = 6,           // suffix: born, slot, index of the effect. engine/state/loss.h
  kHandovers = 7,        // suffix: number (big64). server/codec/handover_row.h
  kHandoverIds = 8,      // suffix: id, as text; the value is its number (big64)
  kOrders = 9,           // suffix: kind (u8), node (big32). server/codec/order_row.h
  kAudit = 10,           // suffix: number (big64). server/codec/audit_row.h
  kPolicies = 11,        // suffix: version (big64). server/codec/policy_row.h
};

// Half-open: [begin, end).
struct KeyRange {
  std::string begin;
  std::string end;
};

inline void AppendEngineKey(std::string* to, KeyspaceId keyspace, std::string_view key) {
  PutBig32(to, keyspace.value);
  to->append(key);
}

inline std::string EngineKey(KeyspaceId keyspace, std::string_view key) {
  std::string engine_key;
  engine_key.reserve(kKeyspaceBytes + key.size());
  AppendEngineKey(&engine_key, keyspace, key);
  return engine_key;
}

inline std::string SystemKey(SystemTable table, std::string_view suffix) {
  std::string engine_key;
  PutBig32(&engine_key, kSystemKeyspace.value);
  PutByte(&engine_key, static_cast<uint8_t>(table));
  engine_key.append(suffix);
  return engine_key;
}

// The first engine key past the keyspace. REQUIRES: keyspace < kKeyspaceIdMax.
inline std::string KeyspaceEnd(KeyspaceId keyspace) {
  BATON_CHECK(keyspace < kKeyspaceIdMax);
  return EngineKey(KeyspaceId{keyspace.value + 1}, {});
}

// [begin, end) of a keyspace; an empty end: to the end of the keyspace.
inline KeyRange EngineRange(KeyspaceId keyspace, std::string_view begin, std::string_view end) {
  return KeyRange{EngineKey(keyspace, begin),
                  end.empty() ? KeyspaceEnd(keyspace) : EngineKey(keyspace, end)};
}

// REQUIRES of the four: engine_key.size() >= kKeyspaceBytes.
inline KeyspaceId KeyspaceOf(std::string_view engine_key) {
  return KeyspaceId{LoadBig32(engine_key.data())};
}
inline std::string_view UserKey(std::string_view engine_key) {
  return engine_key.substr(kKeyspaceBytes);
}
// Whether the key lies in the engine's own table, the first of all.
inline bool IsEngineOwn(std::string_view engine_key) {
  return KeyspaceOf(engine_key) == kSystemKeyspace &&
         (engine_key.size() == kKeyspaceBytes ||
          engine_key[kKeyspaceBytes] == static_cast<char>(SystemTable::kEngine));
}

// The table of a row of the system keyspace; nullopt: it is of another keyspace.
inline std::optional<SystemTable> SystemTableOf(std::string_view engine_key) {
  if (KeyspaceOf(engine_key) != kSystemKeyspace || engine_key.size() == kKeyspaceBytes) {
    return std::nullopt;
  }
  return static_cast<SystemTable>(engine_key[kKeyspaceBytes]);
}

// The row that says up to which slot the state is applied: part of every batch.
//   value := layout version (u8 = 1), slot (fixed64)
// The layout version stands for everything above; a state of a newer one is not opened.
inline constexpr uint8_t kLayoutVersion = 1;
inline std::string AppliedKey() { return SystemKey(SystemTable::kEngine, "applied"); }
std::string EncodeApplied(Slot slot);
// FAILED_PRECONDITION: a newer layout; DATA_LOSS: not an applied row.
absl::StatusOr<Slot> DecodeApplied(std::string_view value);

}  // namespace baton::engine
