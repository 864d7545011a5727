/// The accounts of a container's root: `/etc/passwd` and `/etc/group` as the image has them.
///
/// Both come from a stranger. Lines that cannot be read are passed over, as the C library does; a number that is out
/// of range makes its line unreadable and never becomes another user's.
public struct AccountFiles: Hashable, Sendable {
    /// A line of `/etc/passwd`.
    struct User: Hashable, Sendable {
        let name: String
        let uid: UInt32
        let gid: UInt32
        let home: String
    }

    /// A line of `/etc/group`.
    struct Group: Hashable, Sendable {
        let name: String
        let gid: UInt32
        let members: [String]
    }

    /// The user and group numbers that containers may have: 0…2147483647. Beyond it, systems disagree on the sign.
    public static let idMax: UInt32 = 2_147_483_647

    let users: [User]
    let groups: [Group]

    /// Reads the two files; a file that the root lacks is empty.
    public init(passwd: [UInt8] = [], group: [UInt8] = []) {
        users = Self.lines(passwd).compactMap { fields in
            guard fields.count >= 6, !fields[0].isEmpty, let uid = Self.number(fields[2]),
                let gid = Self.number(fields[3])
            else { return nil }
            return User(name: fields[0], uid: uid, gid: gid, home: fields[5])
        }
        groups = Self.lines(group).compactMap { fields in
            guard fields.count >= 3, !fields[0].isEmpty, let gid = Self.number(fields[2]) else { return nil }
            let members = fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : []
            return Group(name: fields[0], gid: gid, members: members)
        }
    }

    private static func lines(_ bytes: [UInt8]) -> [[String]] {
        bytes.split(separator: UInt8(ascii: "\n")).map { line in
            line.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// A decimal number in range; nil for anything else, signs and blanks included.
    static func number(_ text: some StringProtocol) -> UInt32? {
        guard isNumeric(text), let value = UInt32(text), value <= idMax else { return nil }
        return value
    }

    static func isNumeric(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 >= 48 && $0 <= 57 }
    }
}

extension AccountFiles {
    /// Who a process runs as.
    public struct Identity: Hashable, Sendable {
        /// The user.
        public var uid: UInt32
        /// The primary group.
        public var gid: UInt32
        /// The further groups that `/etc/group` lists the user in, ascending, without the primary one. Kubernetes
        /// adds them unless `supplementalGroupsPolicy` is `Strict`.
        public var groups: [UInt32]
        /// The home directory; `/` when the image does not know the user.
        public var home: String
        /// The name that `/etc/passwd` has for the user.
        public var name: String?
    }

    /// Resolves a `USER` of an image, or a `runAsUser` and `runAsGroup` joined by a colon.
    ///
    /// `user`, `uid`, `user:group`, `uid:gid` and the mixtures. Digits are always a number and need no line in the
    /// files; anything else must be a name that is there. An empty user is root. A user without a group has the
    /// group of `/etc/passwd`, or 0.
    public func identity(of text: String) throws(AccountFailure) -> Identity {
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard parts.count <= 2 else { throw .malformed(text) }
        for part in parts where !Self.isNameOrNumber(part) { throw .malformed(text) }
        let user = parts.first ?? ""
        let group = parts.count > 1 ? parts[1] : ""

        let (uid, known) = try self.user(user.isEmpty ? "0" : user)
        let gid = group.isEmpty ? known?.gid ?? 0 : try self.group(group)
        let memberships = groups.filter { entry in known.map { entry.members.contains($0.name) } ?? false }
        return Identity(
            uid: uid,
            gid: gid,
            groups: Set(memberships.map(\.gid)).subtracting([gid]).sorted(),
            home: known.map(\.home).flatMap { $0.isEmpty ? nil : $0 } ?? "/",
            name: known?.name
        )
    }

    private func user(_ text: String) throws(AccountFailure) -> (uid: UInt32, known: User?) {
        if Self.isNumeric(text) {
            guard let uid = Self.number(text) else { throw .range(text) }
            return (uid, users.first { $0.uid == uid })
        }
        guard let known = users.first(where: { $0.name == text }) else { throw .unknownUser(text) }
        return (known.uid, known)
    }

    private func group(_ text: String) throws(AccountFailure) -> UInt32 {
        if Self.isNumeric(text) {
            guard let gid = Self.number(text) else { throw .range(text) }
            return gid
        }
        guard let known = groups.first(where: { $0.name == text }) else { throw .unknownGroup(text) }
        return known.gid
    }

    /// A part may be empty, a number, or a name: no blanks or control characters, and no leading sign, behind which
    /// a number would hide.
    private static func isNameOrNumber(_ part: String) -> Bool {
        let bytes = part.utf8
        guard bytes.first != UInt8(ascii: "-"), bytes.first != UInt8(ascii: "+") else { return false }
        return bytes.allSatisfy { $0 > 0x20 && $0 != 0x7F }
    }
}

/// Why a user cannot be resolved.
public enum AccountFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not of the form `user[:group]`.
    case malformed(String)
    /// A number beyond ``AccountFiles/idMax``.
    case range(String)
    /// No such line in `/etc/passwd`.
    case unknownUser(String)
    /// No such line in `/etc/group`.
    case unknownGroup(String)

    /// One line that names the user.
    public var description: String {
        switch self {
        case .malformed(let text):
            "user \(String(reflecting: text)) is not of the form name, uid, name:group or uid:gid"
        case .range(let text): "uids and gids must be in range 0-\(AccountFiles.idMax), not \(text)"
        case .unknownUser(let name): "unable to find user \(name): no matching entries in passwd file"
        case .unknownGroup(let name): "unable to find group \(name): no matching entries in group file"
        }
    }
}
