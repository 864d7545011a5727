/// `$(VAR)` in commands, arguments and environment values (reference §8.2).
public enum Expansion {
    /// Replaces each `$(NAME)` whose name is known. `$$` is a dollar sign; anything else stays as it is, and what was
    /// put in is not looked at again. Nil when the result is longer than ``sizeMax``: a few variables that each name the
    /// one before ten times would fill any memory.
    public static func expand(_ text: String, with values: [String: String]) -> String? {
        guard text.utf8.count <= sizeMax else { return nil }
        guard text.utf8.contains(dollar) else { return text }
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var index = 0
        while index < bytes.count {
            guard result.count <= sizeMax else { return nil }
            guard bytes[index] == dollar, index + 1 < bytes.count else {
                result.append(bytes[index])
                index += 1
                continue
            }
            switch bytes[index + 1] {
            case dollar:
                result.append(dollar)
                index += 2
            case UInt8(ascii: "("):
                index = reference(bytes, at: index, values, into: &result)
            default:
                result += bytes[index...index + 1]
                index += 2
            }
        }
        return result.count <= sizeMax ? String(decoding: result, as: UTF8.self) : nil
    }

    /// Bytes of one argument or variable that execve(2) takes: MAX_ARG_STRLEN, 32 pages, with the ending zero.
    public static let sizeMax = 131_071

    private static let dollar = UInt8(ascii: "$")

    /// Handles a `$(` at `index`; the index behind what it consumed.
    private static func reference(
        _ bytes: [UInt8],
        at index: Int,
        _ values: [String: String],
        into result: inout [UInt8]
    ) -> Int {
        guard let end = bytes[(index + 2)...].firstIndex(of: UInt8(ascii: ")")) else {
            result += bytes[index...index + 1]
            return index + 2
        }
        let name = String(decoding: bytes[(index + 2)..<end], as: UTF8.self)
        if let value = values[name] {
            result += Array(value.utf8)
        } else {
            result += bytes[index...end]
        }
        return end + 1
    }
}
