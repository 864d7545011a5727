import PodCore
import Testing

@Suite struct AccountFilesTests {
    private static let passwd = """
        root:x:0:0:root:/root:/bin/sh
        # a comment
        daemon:x:1:1::/usr/sbin:/usr/sbin/nologin
        +nis::::::
        app:x:1000:2000:App,,,:/home/app:/bin/sh
        homeless:x:1001:1001:::
        short:x:5
        huge:x:4294967296:0::/huge:/bin/sh
        negative:x:-1:0::/negative:/bin/sh
        over:x:2147483648:0::/over:/bin/sh
        1234:x:77:77::/digits:/bin/sh
        """
    private static let group = """
        root:x:0:root
        daemon:x:1:
        audio:x:29:app,daemon
        video:x:44:daemon,app
        app:x:2000:app
        apple:x:2001:apple
        huge:x:99999999999999999999:app
        """
    private let files = AccountFiles(passwd: Array(passwd.utf8), group: Array(group.utf8))

    @Test(
        "A user resolves to numbers, groups and a home",
        arguments: [
            ("", UInt32(0), UInt32(0), [UInt32](), "/root"),
            ("root", 0, 0, [], "/root"),
            ("0", 0, 0, [], "/root"),
            ("app", 1000, 2000, [29, 44], "/home/app"),
            ("1000", 1000, 2000, [29, 44], "/home/app"),
            ("1000:5", 1000, 5, [29, 44, 2000], "/home/app"),
            ("app:audio", 1000, 29, [44, 2000], "/home/app"),
            ("app:", 1000, 2000, [29, 44], "/home/app"),
            ("4242", 4242, 0, [], "/"),
            ("4242:video", 4242, 44, [], "/"),
            ("homeless", 1001, 1001, [], "/"),
            ("1234", 1234, 0, [], "/"),
            ("2147483647:2147483647", 2_147_483_647, 2_147_483_647, [], "/"),
            (":audio", 0, 29, [0], "/root"),
        ]
    )
    func resolves(user: String, uid: UInt32, gid: UInt32, groups: [UInt32], home: String) throws {
        let identity = try files.identity(of: user)
        #expect(identity.uid == uid)
        #expect(identity.gid == gid)
        #expect(identity.groups == groups)
        #expect(identity.home == home)
    }

    @Test(
        "What is out of range, unknown or malformed is refused and never becomes root",
        arguments: [
            ("2147483648", AccountFailure.range("2147483648")),
            ("4294967295", .range("4294967295")),
            ("4294967296", .range("4294967296")),
            ("18446744073709551616", .range("18446744073709551616")),
            ("1:4294967296", .range("4294967296")),
            ("-1", .malformed("-1")), ("+1", .malformed("+1")), ("1:-1", .malformed("1:-1")),
            (" 1", .malformed(" 1")), ("1 ", .malformed("1 ")), ("1\n", .malformed("1\n")),
            ("1:2:3", .malformed("1:2:3")), ("app\0", .malformed("app\0")),
            ("0x0", .unknownUser("0x0")), ("٣", .unknownUser("٣")), ("nobody", .unknownUser("nobody")),
            ("huge", .unknownUser("huge")), ("negative", .unknownUser("negative")),
            ("over", .unknownUser("over")), ("short", .unknownUser("short")),
            ("app:nogroup", .unknownGroup("nogroup")), ("app:huge", .unknownGroup("huge")),
        ]
    )
    func refuses(user: String, failure: AccountFailure) {
        #expect(throws: failure) { try files.identity(of: user) }
    }

    @Test("Without account files numbers work and names do not")
    func emptyFiles() throws {
        let none = AccountFiles()
        #expect(try none.identity(of: "").uid == 0)
        #expect(try none.identity(of: "7:8").gid == 8)
        #expect(throws: AccountFailure.unknownUser("root")) { try none.identity(of: "root") }
        #expect(
            AccountFailure.unknownUser("app").description
                == "unable to find user app: no matching entries in passwd file"
        )
    }
}
