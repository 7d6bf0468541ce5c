#include "engine/state/row.h"

#include "absl/strings/str_cat.h"
#include "base/coding.h"

namespace baton::engine {

void AppendRow(std::string* to, Revision revision, std::string_view value) {
  PutByte(to, kRowVersion);
  PutByte(to, 0);
  PutVarint(to, revision.value);
  to->append(value);
}

uint64_t RowBytes(Revision revision, std::string_view value) {
  uint64_t bytes = 3 + value.size();
  for (uint64_t rest = revision.value; rest >= 0x80; rest >>= 7) ++bytes;
  return bytes;
}

absl::StatusOr<Row> DecodeRow(std::string_view bytes) {
  Decoder in(bytes);
  const uint8_t version = in.ReadByte();
  const uint8_t flags = in.ReadByte();
  if (in.ok() && version > kRowVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        "a row of version ", version, ", this node knows ", kRowVersion, ": upgrade this node"));
  }
  if (in.ok() && version == kRowVersion && (flags & ~kRowHasLease) != 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("a row with unknown flags ", flags, ": upgrade this node"));
  }
  Row row;
  row.revision = Revision{in.ReadVarint()};
  if (flags & kRowHasLease) row.lease = in.ReadVarint();
  if (!in.ok() || version == 0) return absl::DataLossError("bytes that are no row");
  row.value = in.rest();
  return row;
}

}  // namespace baton::engine
