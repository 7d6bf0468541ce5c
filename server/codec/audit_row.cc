#include "server/codec/audit_row.h"

#include <openssl/sha.h>

#include "base/check.h"
#include "base/coding.h"
#include "server/codec/row_coding.h"

namespace baton::server {
namespace {

constexpr const char* kWhat = "a row of the audit";
constexpr std::string_view kNames[] = {"REIGN",    "HANDOVER", "MEMBERS",
                                       "KEYSPACE", "ORDER",    "POLICY"};

bool Known(uint8_t kind) { return kind >= 1 && kind <= std::size(kNames); }

}  // namespace

static_assert(kAuditHashBytes == SHA256_DIGEST_LENGTH);

std::string AuditRowSuffix(uint64_t number) {
  std::string suffix;
  PutBig64(&suffix, number);
  return suffix;
}

std::string EncodeAuditRow(const AuditRow& row) {
  BATON_CHECK(row.previous.size() == kAuditHashBytes);
  std::string bytes;
  PutByte(&bytes, kAuditRowVersion);
  PutVarint(&bytes, row.number);
  bytes += row.previous;
  PutByte(&bytes, static_cast<uint8_t>(row.kind));
  PutString(&bytes, row.what);
  PutString(&bytes, row.object);
  PutNode(&bytes, row.node);
  PutString(&bytes, row.actor);
  PutString(&bytes, row.reason);
  PutBallot(&bytes, row.reign);
  PutBallot(&bytes, row.from);
  PutVarint(&bytes, row.from_slot.value);
  PutVarint(&bytes, row.slot.value);
  PutTime(&bytes, row.log_time_us);
  PutTime(&bytes, row.wall_time_us);
  return bytes;
}

absl::StatusOr<AuditRow> DecodeAuditRow(std::string_view bytes) {
  Decoder from(bytes);
  const uint8_t version = from.ReadByte();
  if (!from.ok()) return Unreadable(kWhat);
  if (absl::Status s = CheckVersion(kWhat, version, kAuditRowVersion); !s.ok()) return s;
  AuditRow row;
  row.number = from.ReadVarint();
  row.previous = std::string(from.ReadBytes(kAuditHashBytes));
  const uint8_t kind = from.ReadByte();
  if (!Known(kind)) from.Fail();
  row.kind = static_cast<AuditKind>(kind);
  row.what = std::string(from.ReadString());
  row.object = std::string(from.ReadString());
  row.node = ReadNode(&from);
  row.actor = std::string(from.ReadString());
  row.reason = std::string(from.ReadString());
  row.reign = ReadBallot(&from);
  row.from = ReadBallot(&from);
  row.from_slot = Slot{from.ReadVarint()};
  row.slot = Slot{from.ReadVarint()};
  row.log_time_us = ReadTime(&from);
  row.wall_time_us = ReadTime(&from);
  if (!from.Done()) return Unreadable(kWhat);
  return row;
}

std::string_view NameOf(AuditKind kind) {
  BATON_CHECK(Known(static_cast<uint8_t>(kind)));
  return kNames[static_cast<size_t>(kind) - 1];
}

std::string AuditHash(std::string_view encoded_row) {
  std::string hash(kAuditHashBytes, '\0');
  SHA256(reinterpret_cast<const unsigned char*>(encoded_row.data()), encoded_row.size(),
         reinterpret_cast<unsigned char*>(hash.data()));
  return hash;
}

}  // namespace baton::server
