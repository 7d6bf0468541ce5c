// Table: rows of text with aligned columns, for people.
//
//   NAME  ROLE   DURABLE
//   n1    voter       42
//
// A value; one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace baton::cli {

class Table {
 public:
  enum class Align : uint8_t { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };
  enum class Colour : uint8_t { kNone, kGreen, kYellow, kRed };
  // Text is printed as given: pass what comes from outside through Printable() first.
  struct Cell {
    Cell(std::string text, Colour colour = Colour::kNone)  // NOLINT: a cell is its text
        : text(std::move(text)), colour(colour) {}
    Cell(const char* text) : text(text) {}  // NOLINT
    std::string text;
    Colour colour = Colour::kNone;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // REQUIRES: one cell a column.
  void Add(std::vector<Cell> row);

  // The titles and all rows, each ended by a newline, without trailing blanks. Colours (ANSI) only
  // if `coloured`; they do not count as width.
  std::string Text(bool coloured) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;  // each of columns_.size() cells
};

}  // namespace baton::cli
