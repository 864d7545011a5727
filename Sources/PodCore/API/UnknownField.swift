extension DecodeReport {
    /// Warns of a field that does not exist, and names the one that was probably meant.
    mutating func warnUnknown(_ name: String, at path: FieldPath, line: Int?, known: [String]) {
        var message = "unknown field"
        // Comparing names is the dearest part of decoding; nobody reads the hundredth suggestion.
        if warnings.count < 100, let nearest = nearest(to: name, among: known) {
            message += ", did you mean \(nearest.quoted)?"
        }
        warnings.append(ManifestProblem(path: path, line: line, message: message))
    }
}

/// The name that differs from `name` only in case, or else in the fewest letters, at most one in three; nil when
/// none is that near.
func nearest(to name: String, among known: [String]) -> String? {
    let lowercased = name.lowercased()
    if let sameLetters = known.first(where: { $0.lowercased() == lowercased }) { return sameLetters }
    let limit = min(3, name.utf8.count / 3)
    return
        known
        .map { (name: $0, distance: editDistance(lowercased, $0.lowercased(), atMost: limit)) }
        .filter { $0.distance <= limit }
        .min { $0.distance < $1.distance }?.name
}

/// How many letters must be inserted, removed, replaced or swapped with their neighbour to make `b` of `a`; any
/// number over `limit` when it is more than that.
private func editDistance(_ a: String, _ b: String, atMost limit: Int) -> Int {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    guard abs(a.count - b.count) <= limit else { return limit + 1 }
    var beforePrevious: [Int] = []
    var previous = Array(0...b.count)
    for (i, left) in a.enumerated() {
        var row = [i + 1]
        for (j, right) in b.enumerated() {
            var cost = min(previous[j] + (left == right ? 0 : 1), previous[j + 1] + 1, row[j] + 1)
            if i > 0, j > 0, left == b[j - 1], a[i - 1] == right {
                cost = min(cost, beforePrevious[j - 1] + 1)
            }
            row.append(cost)
        }
        (beforePrevious, previous) = (previous, row)
    }
    return previous[b.count]
}
