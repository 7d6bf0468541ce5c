#include "engine/state/effects.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/coding.h"
#include "engine/state/row.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {

void EffectsWriter::BeginRequest() {
  BATON_CHECK(!in_request_);
  in_request_ = true;
  wrote_ = false;
  request_start_ = bytes_.size();
}

void EffectsWriter::Start(EffectKind kind) {
  BATON_CHECK(in_request_);
  if (!wrote_) {
    wrote_ = true;
    if (bytes_.empty()) PutByte(&bytes_, kEffectsVersion);
    PutByte(&bytes_, static_cast<uint8_t>(EffectKind::kRequest));
  }
  PutByte(&bytes_, static_cast<uint8_t>(kind));
}

void EffectsWriter::Put(KeyspaceId keyspace, std::string_view key, std::string_view value) {
  Start(EffectKind::kPut);
  PutVarint(&bytes_, kKeyspaceBytes + key.size());
  AppendEngineKey(&bytes_, keyspace, key);
  PutVarint(&bytes_, RowBytes(next_revision(), value));
  AppendRow(&bytes_, next_revision(), value);
}

void EffectsWriter::PutSystem(std::string_view engine_key, std::string_view value) {
  BATON_CHECK(!IsEngineOwn(engine_key));
  Put(KeyspaceOf(engine_key), UserKey(engine_key), value);
}

void EffectsWriter::Delete(KeyspaceId keyspace, std::string_view key) {
  Start(EffectKind::kDelete);
  PutVarint(&bytes_, kKeyspaceBytes + key.size());
  AppendEngineKey(&bytes_, keyspace, key);
}

void EffectsWriter::DeleteSystem(std::string_view engine_key) {
  BATON_CHECK(!IsEngineOwn(engine_key));
  Delete(KeyspaceOf(engine_key), UserKey(engine_key));
}

void EffectsWriter::DeleteRange(std::string_view engine_begin, std::string_view engine_end) {
  BATON_CHECK(engine_begin < engine_end);
  Start(EffectKind::kDeleteRange);
  PutString(&bytes_, engine_begin);
  PutString(&bytes_, engine_end);
}

Revision EffectsWriter::EndRequest() {
  BATON_CHECK(in_request_);
  in_request_ = false;
  if (!wrote_) return Revision{};
  return Revision{base_.value + requests_++};
}

void EffectsWriter::DropRequest() {
  BATON_CHECK(in_request_);
  in_request_ = false;
  bytes_.resize(request_start_);
}

void EffectsWriter::Reset(Revision base) {
  BATON_CHECK(!in_request_);
  base_ = base;
  requests_ = 0;
  bytes_.clear();
}

EffectsReader::EffectsReader(std::string_view bytes, Revision base) : rest_(bytes), base_(base) {
  if (rest_.empty()) return;
  const uint8_t version = static_cast<uint8_t>(rest_[0]);
  rest_.remove_prefix(1);
  if (version > kEffectsVersion) {
    Fail(absl::FailedPreconditionError(absl::StrCat("effects of version ", version,
                                                    ", this node knows ", kEffectsVersion,
                                                    ": upgrade this node")));
  } else if (version == 0) {
    Fail(absl::DataLossError("bytes that are no effects: version 0"));
  }
}

EffectsReader EffectsReader::Continue(std::string_view rest, Revision base, uint64_t requests) {
  EffectsReader reader;
  reader.rest_ = rest;
  reader.base_ = base;
  reader.requests_ = requests;
  return reader;
}

bool EffectsReader::Fail(absl::Status status) {
  rest_ = {};
  status_ = std::move(status);
  return false;
}

bool EffectsReader::Next(Effect* effect) {
  if (rest_.empty()) return false;
  Decoder in(rest_);
  uint8_t kind = in.ReadByte();
  if (kind == static_cast<uint8_t>(EffectKind::kRequest)) {
    ++requests_;
    kind = in.ReadByte();
    if (!in.ok()) return Fail(absl::DataLossError("effects end in an empty request"));
  }
  if (kind < static_cast<uint8_t>(EffectKind::kPut) ||
      kind > static_cast<uint8_t>(EffectKind::kDeleteRange)) {
    return Fail(absl::FailedPreconditionError(
        absl::StrCat("unknown effect kind ", kind, ": upgrade this node")));
  }
  *effect = Effect{};
  effect->kind = static_cast<EffectKind>(kind);
  effect->revision = Revision{base_.value + requests_ - 1};
  effect->key = in.ReadString();
  if (effect->kind == EffectKind::kPut) effect->row = in.ReadString();
  if (effect->kind == EffectKind::kDeleteRange) effect->end = in.ReadString();
  if (!in.ok() || requests_ == 0 || effect->key.size() < kKeyspaceBytes ||
      (effect->kind == EffectKind::kDeleteRange && effect->key >= effect->end)) {
    return Fail(absl::DataLossError("bytes that are no effects"));
  }
  if (IsEngineOwn(effect->key)) {
    return Fail(absl::DataLossError("an effect on the engine's own table"));
  }
  if (effect->kind == EffectKind::kPut) {
    const absl::StatusOr<Row> row = DecodeRow(effect->row);
    if (!row.ok()) return Fail(row.status());
    if (row->revision != effect->revision) {
      return Fail(absl::DataLossError("a row whose revision is not its request's"));
    }
  }
  rest_ = in.rest();
  return true;
}

}  // namespace baton::engine
