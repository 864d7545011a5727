/// Why a port of a probe or a hook leads nowhere.
public enum PortFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// No port of the container bears the name, and the name is no number.
    case unknown(String)
    /// A number that is no port's.
    case outOfRange(Int)

    /// In words.
    public var description: String {
        switch self {
        case .unknown(let name): "the container has no port named \(name.quoted)"
        case .outOfRange(let number): "invalid port number: \(number)"
        }
    }
}

extension Container {
    /// The number of a port that is given by number or by name (reference §5.4): the name is one of this container's own
    /// ports, or else a number in decimal digits.
    public func number(of port: IntOrString) throws(PortFailure) -> UInt16 {
        let number: Int
        switch port {
        case .int(let given): number = Int(given)
        case .string(let name):
            if let named = ports.first(where: { $0.name == name && !name.isEmpty }) {
                number = Int(named.containerPort)
            } else if let given = Int(name) {
                number = given
            } else {
                throw .unknown(name)
            }
        }
        guard let result = UInt16(exactly: number), result > 0 else { throw .outOfRange(number) }
        return result
    }
}
