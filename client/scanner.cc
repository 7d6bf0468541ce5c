#include <utility>

#include "baton/client.h"

namespace baton {

Scanner::Scanner(Client* client, ScanRange range, CallOptions options, uint32_t page_limit)
    : client_(client), range_(std::move(range)), options_(std::move(options)) {
  next_.limit = page_limit;
}

bool Scanner::Next() {
  if (!status_.ok()) return false;
  if (started_ && at_ + 1 < page_.records.size()) {
    ++at_;
    return true;
  }
  // A page may be empty and yet have a next: its server stopped at a bound of its own.
  while (!started_ || !next_.page_token.empty()) {
    auto page = client_->Scan(range_, next_, options_);
    if (!page.ok()) {
      status_ = page.status();
      return false;
    }
    page_ = *std::move(page);
    next_.page_token = page_.next_page_token;
    started_ = true;
    at_ = 0;
    if (!page_.records.empty()) return true;
  }
  page_.records.clear();
  return false;
}

}  // namespace baton
