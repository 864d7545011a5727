/// Finds what somebody meant who mistyped a name.
enum Nearest {
    /// The candidate that takes the fewest changes of a letter, if they are few enough to be a slip.
    static func find(_ word: String, in candidates: [String]) -> String? {
        let best = candidates.map { ($0, distance(word, $0)) }.min { $0.1 < $1.1 }
        guard let (candidate, distance) = best, distance <= max(1, word.count / 3) else { return nil }
        return candidate
    }

    /// How many letters have to be added, left out, changed or swapped with their neighbour: Damerau's and
    /// Levenshtein's distance, where no letter is touched twice.
    static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a), Array(b))
        var rows = [Array(0...b.count)]
        for row in 1..<(a.count + 1) {
            rows.append([row] + Array(repeating: 0, count: b.count))
            for column in 1..<(b.count + 1) {
                let isSame = a[row - 1] == b[column - 1]
                var least = rows[row - 1][column - 1] + (isSame ? 0 : 1)
                least = min(least, rows[row - 1][column] + 1, rows[row][column - 1] + 1)
                if row > 1, column > 1, a[row - 1] == b[column - 2], a[row - 2] == b[column - 1] {
                    least = min(least, rows[row - 2][column - 2] + 1)
                }
                rows[row][column] = least
            }
        }
        return rows[a.count][b.count]
    }
}
