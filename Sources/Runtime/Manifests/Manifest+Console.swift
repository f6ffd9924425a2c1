import Glibc

extension Manifest {
    /// The page in the browser.
    package struct Console: Equatable, Sendable {
        /// Port that it listens at; 0: one that is free.
        package var port: Int
        /// Address that it listens at, IPv4 or IPv6.
        package var bind: String
        /// Absolute path of the file with the tokens; nil: whoever sits at this machine needs none.
        package var tokenFile: String?
        /// The most pages that see the run at the same time.
        package var viewers: Int
        /// Name of the machine in `hosts` that the console runs on; nil: this one.
        package var host: String?

        /// Makes the console of a program that has no manifest to read it from.
        package init(
            port: Int, bind: String = Console.loopback, tokenFile: String? = nil, viewers: Int = Console.usualViewers
        ) {
            self.port = port
            self.bind = bind
            self.tokenFile = tokenFile
            self.viewers = viewers
        }
    }
}

extension Manifest.Console {
    /// Address of this machine, for this machine alone.
    package static let loopback = "127.0.0.1"
    package static let usualViewers = 16

    init(_ keys: inout ManifestKeys) {
        port = keys.value(
            "port", .integer(0...65535), default: 8080,
            "The port of this machine at which the page is. 0 takes one that is free, and says which.")
        bind = keys.value(
            ManifestName.Console.bind.rawValue, .text, default: Self.loopback,
            "The address at which it listens. 127.0.0.1 is for browsers of this machine (and, with 'ssh -L "
                + "8080:localhost:8080', of others); 0.0.0.0 for a whole network, which needs token_file.")
        tokenFile = keys.optional(
            ManifestName.Console.tokenFile.rawValue, .file,
            "The file with the tokens that people enter, made by 'octo-console token'. With it everybody needs one. It "
                + "must be readable by you alone.")
        host = keys.optional(
            ManifestName.nodeHost, .name(separator: "_"), Manifest.meaningOfNodeHost)
        viewers = keys.value(
            "viewers", .integer(1...64), default: Self.usualViewers,
            "The most pages (and Foxglove) that watch at the same time; who comes later is told so.")
    }

    /// Whether an address is reached from this machine alone; nil for what is no address.
    package static func isLoopback(_ bind: String) -> Bool? {
        var four = in_addr()
        // 127.0.0.0/8. RFC 1122, section 3.2.1.3.
        if inet_pton(AF_INET, bind, &four) == 1 { return UInt32(bigEndian: four.s_addr) >> 24 == 127 }
        var six = in6_addr()
        guard inet_pton(AF_INET6, bind, &six) == 1 else { return nil }
        // ::1. RFC 4291, section 2.5.3.
        return withUnsafeBytes(of: six) { bytes in bytes.dropLast().allSatisfy { $0 == 0 } && bytes.last == 1 }
    }
}
