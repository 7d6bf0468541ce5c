#include "engine/state/effects.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/coding.h"
#include "engine/state/row.h"
#include "engine/storage/key_encoding.h"

namespace baton::engine {
namespace {

// What follows the kind of an effect on a session.
Effect ReadBody(EffectKind kind, Decoder* in) {
  Effect effect;
  effect.kind = kind;
  if (kind == EffectKind::kOpenSession) {
    effect.ttl_ms = in->ReadVarint();
    if (effect.ttl_ms < kSessionTtlMsMin || effect.ttl_ms > kSessionTtlMsMax) in->Fail();
    return effect;
  }
  effect.stamp.session = in->ReadVarint();
  if (effect.stamp.session == 0) in->Fail();
  if (kind != EffectKind::kResult) return effect;
  effect.stamp.sequence = in->ReadVarint();
  effect.stamp.acked_below = in->ReadVarint();
  effect.result = in->ReadString();
  if (effect.stamp.sequence == 0 || effect.stamp.acked_below > effect.stamp.sequence) in->Fail();
  return effect;
}

}  // namespace

void AppendSessionEffect(const Effect& effect, std::string* to) {
  PutByte(to, static_cast<uint8_t>(effect.kind));
  if (effect.kind == EffectKind::kOpenSession) return PutVarint(to, effect.ttl_ms);
  PutVarint(to, effect.stamp.session);
  if (effect.kind != EffectKind::kResult) return;
  PutVarint(to, effect.stamp.sequence);
  PutVarint(to, effect.stamp.acked_below);
  PutString(to, effect.result);
}

Effect ReadSessionEffect(Decoder* in) {
  const uint8_t kind = in->ReadByte();
  if (kind < static_cast<uint8_t>(EffectKind::kOpenSession) ||
      kind > static_cast<uint8_t>(EffectKind::kTouchSession)) {
    in->Fail();
    return Effect{};
  }
  return ReadBody(static_cast<EffectKind>(kind), in);
}

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

void EffectsWriter::OpenSession(uint64_t ttl_ms) {
  Start(EffectKind::kOpenSession);
  PutVarint(&bytes_, ttl_ms);
}

void EffectsWriter::StartAlone(EffectKind kind, uint64_t session) {
  BATON_CHECK(!in_request_);
  if (bytes_.empty()) PutByte(&bytes_, kEffectsVersion);
  PutByte(&bytes_, static_cast<uint8_t>(kind));
  PutVarint(&bytes_, session);
}

void EffectsWriter::KeepResult(const SessionStamp& stamp, std::string_view result) {
  StartAlone(EffectKind::kResult, stamp.session);
  PutVarint(&bytes_, stamp.sequence);
  PutVarint(&bytes_, stamp.acked_below);
  PutString(&bytes_, result);
}

void EffectsWriter::EndSession(uint64_t session) { StartAlone(EffectKind::kEndSession, session); }

void EffectsWriter::TouchSession(uint64_t session) {
  StartAlone(EffectKind::kTouchSession, session);
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
  const bool begins = kind == static_cast<uint8_t>(EffectKind::kRequest);
  if (begins) {
    ++requests_;
    kind = in.ReadByte();
    if (!in.ok()) return Fail(absl::DataLossError("effects end in an empty request"));
  }
  if (kind < static_cast<uint8_t>(EffectKind::kPut) ||
      kind > static_cast<uint8_t>(EffectKind::kTouchSession)) {
    return Fail(absl::FailedPreconditionError(
        absl::StrCat("unknown effect kind ", kind, ": upgrade this node")));
  }
  *effect = Effect{};
  effect->kind = static_cast<EffectKind>(kind);
  if (IsOfSession(effect->kind)) {
    // Opening is a request of its own; the others never begin one.
    if (begins != (effect->kind == EffectKind::kOpenSession)) in.Fail();
    *effect = ReadBody(effect->kind, &in);
  } else {
    effect->key = in.ReadString();
    if (effect->kind == EffectKind::kPut) effect->row = in.ReadString();
    if (effect->kind == EffectKind::kDeleteRange) effect->end = in.ReadString();
    if (requests_ == 0) in.Fail();
  }
  if (!in.ok()) return Fail(absl::DataLossError("bytes that are no effects"));
  if (requests_ != 0) effect->revision = Revision{base_.value + requests_ - 1};
  if (!IsOfSession(effect->kind) && !CheckKey(*effect)) return false;
  rest_ = in.rest();
  return true;
}

bool EffectsReader::CheckKey(const Effect& effect) {
  if (effect.key.size() < kKeyspaceBytes ||
      (effect.kind == EffectKind::kDeleteRange && effect.key >= effect.end)) {
    return Fail(absl::DataLossError("bytes that are no effects"));
  }
  if (IsEngineOwn(effect.key)) {
    return Fail(absl::DataLossError("an effect on the engine's own table"));
  }
  if (effect.kind != EffectKind::kPut) return true;
  const absl::StatusOr<Row> row = DecodeRow(effect.row);
  if (!row.ok()) return Fail(row.status());
  if (row->revision != effect.revision) {
    return Fail(absl::DataLossError("a row whose revision is not its request's"));
  }
  return true;
}

}  // namespace baton::engine
