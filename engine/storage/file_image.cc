#include "engine/storage/file_image.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/coding.h"

namespace baton::engine {
namespace {

namespace fs = std::filesystem;

constexpr uint8_t kListVersion = 1;
constexpr size_t kLengthBytes = 4;
constexpr uint32_t kListBytesMax = 16 << 20;  // some hundred thousand files
constexpr size_t kNameBytesMax = 255;

struct ImageFile {
  std::string name;
  uint64_t bytes = 0;
};

absl::Status FileError(const char* what, const std::string& path) {
  return absl::InternalError(absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(errno)));
}

// A descriptor that closes itself.
class OpenFile {
 public:
  OpenFile(const std::string& path, int flags)
      : fd_(::open(path.c_str(), flags | O_CLOEXEC, 0640)) {}
  ~OpenFile() {
    if (fd_ >= 0) ::close(fd_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int fd() const { return fd_; }
  bool ok() const { return fd_ >= 0; }

 private:
  const int fd_;
};

std::string EncodeList(const std::vector<ImageFile>& files) {
  std::string list;
  PutByte(&list, kListVersion);
  for (const ImageFile& file : files) {
    PutString(&list, file.name);
    PutVarint(&list, file.bytes);
  }
  return list;
}

// A name that stays within the directory.
bool SaneName(std::string_view name) {
  return !name.empty() && name.size() <= kNameBytesMax && name != "." && name != ".." &&
         name.find('/') == std::string_view::npos && name.find('\0') == std::string_view::npos;
}

absl::StatusOr<std::vector<ImageFile>> DecodeList(std::string_view list) {
  const absl::Status damaged = absl::DataLossError("an image's list of files cannot be read");
  Decoder from(list);
  if (from.ReadByte() != kListVersion) return damaged;
  std::vector<ImageFile> files;
  while (from.ok() && !from.Done()) {
    ImageFile file;
    file.name = std::string(from.ReadString());
    file.bytes = from.ReadVarint();
    if (!from.ok() || !SaneName(file.name)) return damaged;
    files.push_back(std::move(file));
  }
  return files;
}

class FileImageReader : public ImageReader {
 public:
  FileImageReader(std::string directory, std::vector<ImageFile> files)
      : directory_(std::move(directory)), files_(std::move(files)) {
    const std::string list = EncodeList(files_);
    PutFixed32(&head_, static_cast<uint32_t>(list.size()));
    head_ += list;
    bytes_ = head_.size();
    for (const ImageFile& file : files_) bytes_ += file.bytes;
  }

  uint64_t bytes() const override { return bytes_; }

  absl::StatusOr<std::string> Read(uint64_t position, size_t size) const override {
    std::string read;
    if (position < head_.size()) read = head_.substr(position, size);
    uint64_t begin = head_.size();
    for (const ImageFile& file : files_) {
      const uint64_t at = position + read.size();
      if (read.size() < size && begin <= at && at < begin + file.bytes) {
        const size_t want = std::min<uint64_t>(size - read.size(), begin + file.bytes - at);
        if (absl::Status s = ReadFile(file.name, at - begin, want, &read); !s.ok()) return s;
      }
      begin += file.bytes;
    }
    return read;
  }

 private:
  absl::Status ReadFile(const std::string& name, uint64_t offset, size_t size,
                        std::string* to) const {
    const std::string path = directory_ + "/" + name;
    const OpenFile file(path, O_RDONLY);
    if (!file.ok()) return FileError("open", path);
    const size_t before = to->size();
    to->resize(before + size);
    for (size_t done = 0; done < size;) {
      const ssize_t n = ::pread(file.fd(), to->data() + before + done, size - done,
                                static_cast<off_t>(offset + done));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return FileError("read", path);
      if (n == 0) return absl::DataLossError(absl::StrCat(path, " is shorter than it was"));
      done += static_cast<size_t>(n);
    }
    return absl::OkStatus();
  }

  const std::string directory_;
  const std::vector<ImageFile> files_;
  std::string head_;
  uint64_t bytes_ = 0;
};

class FileImageWriter : public ImageWriter {
 public:
  explicit FileImageWriter(std::string directory) : directory_(std::move(directory)) {}

  absl::Status Append(std::string_view bytes) override {
    if (!listed_) {
      if (absl::Status s = TakeList(&bytes); !s.ok() || !listed_) return s;
    }
    while (!bytes.empty()) {
      if (next_ == files_.size())
        return absl::DataLossError("an image goes on after its last file");
      const size_t size = std::min<uint64_t>(bytes.size(), files_[next_].bytes - written_);
      if (absl::Status s = Write(bytes.substr(0, size)); !s.ok()) return s;
      bytes.remove_prefix(size);
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    if (!listed_ || next_ != files_.size()) return absl::DataLossError("the image is not whole");
    if (absl::Status s = SyncFileDirectory(directory_); !s.ok()) return s;
    return SyncFileDirectory(fs::absolute(directory_).parent_path().string());
  }

 private:
  // Gathers the list, which may come in pieces; leaves what follows it in `bytes`.
  absl::Status TakeList(std::string_view* bytes) {
    head_.append(*bytes);
    *bytes = {};
    if (head_.size() < kLengthBytes) return absl::OkStatus();
    const uint32_t length = LoadFixed32(head_.data());
    if (length > kListBytesMax) return absl::DataLossError("an image with too long a list");
    if (head_.size() < kLengthBytes + length) return absl::OkStatus();
    auto files = DecodeList(std::string_view(head_).substr(kLengthBytes, length));
    if (!files.ok()) return files.status();
    files_ = *std::move(files);
    listed_ = true;
    *bytes = std::string_view(head_).substr(kLengthBytes + length);
    return BeginFiles();
  }

  // Opens the next file that has bytes; empty ones are whole at once.
  absl::Status BeginFiles() {
    written_ = 0;
    for (; next_ < files_.size(); ++next_) {
      path_ = directory_ + "/" + files_[next_].name;
      file_ = std::make_unique<OpenFile>(path_, O_WRONLY | O_CREAT | O_EXCL);
      if (!file_->ok()) return FileError("create", path_);
      if (files_[next_].bytes != 0) return absl::OkStatus();
      if (::fdatasync(file_->fd()) != 0) return FileError("sync", path_);
    }
    file_.reset();
    return absl::OkStatus();
  }

  absl::Status Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::write(file_->fd(), bytes.data(), bytes.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return FileError("write", path_);
      written_ += static_cast<uint64_t>(n);
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    if (written_ < files_[next_].bytes) return absl::OkStatus();
    if (::fdatasync(file_->fd()) != 0) return FileError("sync", path_);
    ++next_;
    return BeginFiles();
  }

  const std::string directory_;
  std::string head_;  // until the list is whole, and then what the view of the rest points into
  bool listed_ = false;
  std::vector<ImageFile> files_;
  size_t next_ = 0;       // file under way
  uint64_t written_ = 0;  // of it
  std::string path_;
  std::unique_ptr<OpenFile> file_;
};

}  // namespace

absl::Status SyncFileDirectory(const std::string& directory) {
  const OpenFile opened(directory, O_RDONLY | O_DIRECTORY);
  if (opened.ok() && ::fsync(opened.fd()) == 0) return absl::OkStatus();
  return FileError("sync the directory", directory);
}

absl::StatusOr<std::unique_ptr<ImageReader>> OpenFileImage(const std::string& directory) {
  std::vector<ImageFile> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(directory, error)) {
    ImageFile file{entry.path().filename().string(), 0};
    file.bytes = entry.file_size(error);
    if (error) break;
    files.push_back(std::move(file));
  }
  if (error) {
    return absl::InternalError(absl::StrCat("cannot list ", directory, ": ", error.message()));
  }
  std::sort(files.begin(), files.end(),
            [](const ImageFile& a, const ImageFile& b) { return a.name < b.name; });
  return std::make_unique<FileImageReader>(directory, std::move(files));
}

absl::StatusOr<std::unique_ptr<ImageWriter>> NewFileImage(const std::string& directory) {
  std::error_code error;
  fs::remove_all(directory, error);
  if (!error) fs::create_directories(directory, error);
  if (error) {
    return absl::InternalError(absl::StrCat("cannot make ", directory, ": ", error.message()));
  }
  return std::make_unique<FileImageWriter>(directory);
}

}  // namespace baton::engine
