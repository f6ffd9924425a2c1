import CKernels
import Testing

/// The float32 kernels a test can ask for. Their choice is global, so all tests that compute are nested in
/// `KernelTests`, which runs them one after the other.
enum KernelSet: String, CaseIterable, CustomTestStringConvertible {
    case avx512, avx2, neon, portable

    var testDescription: String { rawValue }

    /// Makes these the kernels in use; false, and a message, if this CPU cannot run them.
    func select() -> Bool {
        if octo_kernels_select(rawValue) { return true }
        print("skipped: this CPU has no \(rawValue) instructions")
        return false
    }
}

@Suite(.serialized) struct KernelTests {
    /// A team for the length of a test.
    final class Team {
        let team: OpaquePointer?

        init(threads: Int) throws {
            team = try #require(octo_team_create(Int32(threads), nil))
        }

        deinit { octo_team_destroy(team) }
    }
}

extension octo_precision {
    static let all = [OCTO_FLOAT32, OCTO_BFLOAT16, OCTO_INT8]
}
