#include "server/codec/handover_word.h"

#include "base/coding.h"
#include "server/codec/row_coding.h"

namespace baton::server {
namespace {

constexpr const char* kWhat = "a word about a handover";

enum class Kind : uint8_t { kAskReady = 1, kTellReady = 2, kTellHanded = 3 };

constexpr uint8_t kNearlyFull = 1;
constexpr uint8_t kInstalling = 2;
constexpr uint8_t kBarred = 4;

void Begin(std::string* to, Kind kind, uint64_t handover) {
  PutByte(to, kHandoverWordVersion);
  PutByte(to, static_cast<uint8_t>(kind));
  PutVarint(to, handover);
}

struct Encoder {
  std::string* to;

  void operator()(const AskReady& word) const {
    Begin(to, Kind::kAskReady, word.handover);
    PutByte(to, word.promise ? 1 : 0);
    PutTime(to, word.hold_us);
    PutVarint(to, word.applied.value);
  }
  void operator()(const TellReady& word) const {
    Begin(to, Kind::kTellReady, word.handover);
    PutByte(to, word.promised ? 1 : 0);
    PutVarint(to, word.applied.value);
    PutVarint(to, word.unapplied);
    PutVarint(to, word.log_room_bytes);
    PutByte(to, (word.nearly_full ? kNearlyFull : 0) | (word.installing ? kInstalling : 0) |
                    (word.barred ? kBarred : 0));
    PutTime(to, word.write_us);
    PutTime(to, word.wall_time_us);
  }
  void operator()(const TellHanded& word) const {
    Begin(to, Kind::kTellHanded, word.handover);
    PutTime(to, word.since_ack_us);
  }
};

// Whatever a peer says of times can be added and taken away.
int64_t ReadSaneTime(Decoder* from) {
  constexpr int64_t kTimeUsMax = int64_t{1} << 60;
  const int64_t time_us = ReadTime(from);
  if (time_us < 0 || time_us > kTimeUsMax) from->Fail();
  return time_us;
}

bool ReadFlag(Decoder* from) {
  const uint8_t flag = from->ReadByte();
  if (flag > 1) from->Fail();
  return flag == 1;
}

AskReady ReadAsk(Decoder* from, uint64_t handover) {
  AskReady word{.handover = handover};
  word.promise = ReadFlag(from);
  word.hold_us = ReadSaneTime(from);
  word.applied = Slot{from->ReadVarint()};
  return word;
}

TellReady ReadTell(Decoder* from, uint64_t handover) {
  TellReady word{.handover = handover};
  word.promised = ReadFlag(from);
  word.applied = Slot{from->ReadVarint()};
  word.unapplied = from->ReadVarint();
  word.log_room_bytes = from->ReadVarint();
  const uint8_t flags = from->ReadByte();
  if (flags > (kNearlyFull | kInstalling | kBarred)) from->Fail();
  word.nearly_full = (flags & kNearlyFull) != 0;
  word.installing = (flags & kInstalling) != 0;
  word.barred = (flags & kBarred) != 0;
  word.write_us = ReadSaneTime(from);
  word.wall_time_us = ReadSaneTime(from);
  return word;
}

}  // namespace

std::string EncodeHandoverWord(const HandoverWord& word) {
  std::string bytes;
  std::visit(Encoder{&bytes}, word);
  return bytes;
}

absl::StatusOr<HandoverWord> DecodeHandoverWord(std::string_view bytes) {
  Decoder from(bytes);
  const uint8_t version = from.ReadByte();
  if (!from.ok()) return Unreadable(kWhat);
  if (absl::Status s = CheckVersion(kWhat, version, kHandoverWordVersion); !s.ok()) return s;
  const auto kind = static_cast<Kind>(from.ReadByte());
  const uint64_t handover = from.ReadVarint();
  HandoverWord word;
  switch (kind) {
    case Kind::kAskReady:
      word = ReadAsk(&from, handover);
      break;
    case Kind::kTellReady:
      word = ReadTell(&from, handover);
      break;
    case Kind::kTellHanded:
      word = TellHanded{handover, ReadSaneTime(&from)};
      break;
    default:
      from.Fail();
  }
  if (!from.Done()) return Unreadable(kWhat);
  return word;
}

}  // namespace baton::server
