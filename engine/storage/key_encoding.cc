#include "engine/storage/key_encoding.h"

#include "absl/strings/str_cat.h"

namespace baton::engine {

std::string EncodeApplied(Slot slot) {
  std::string value;
  PutByte(&value, kLayoutVersion);
  PutFixed64(&value, slot.value);
  return value;
}

absl::StatusOr<Slot> DecodeApplied(std::string_view value) {
  Decoder in(value);
  const uint8_t version = in.ReadByte();
  if (in.ok() && version > kLayoutVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("the engine's state has layout version ", version, ", this node knows ",
                     kLayoutVersion, ": start it with the newer version that wrote it"));
  }
  const Slot slot{in.ReadFixed64()};
  if (!in.Done() || version != kLayoutVersion) {
    return absl::DataLossError("the engine's row 'applied' is damaged");
  }
  return slot;
}

}  // namespace baton::engine
