import Images
import OctoModel
import Policy
import TestSupport
import Testing

@Suite struct ObservationWindowTests {
    private static let camera = PolicyCamera(name: "primary", width: 1, height: 1, takesGoal: false)

    /// A 1×1 image whose pixel says which frame it is.
    private func image(_ frame: Int) -> RGBImage { RGBImage(width: 1, height: 1, filledWith: UInt8(frame)) }

    private func pixels(of window: ObservationWindow, camera: Int) throws -> [UInt8] {
        let shared = try #require(window.pixels(of: Self.camera, at: camera))
        return withExtendedLifetime(shared) { Array(shared.bytes) }
    }

    private func frames(in window: ObservationWindow) throws -> [Int] {
        let bytes = try pixels(of: window, camera: 0)
        return stride(from: 0, to: bytes.count, by: 3).map { Int(bytes[$0]) }
    }

    @Test(arguments: [1, 2, 4])
    func fillsAndPadsAsTheOfficialHistoryWrapperDoes(size: Int) throws {
        let recorded = try SafetensorsFile(path: Fixture.url("octo/wrappers/wrappers.safetensors").path)
        let indices = try recorded.int32("out.history.h\(size).frame_index")
        let masks = try recorded.uint8("out.history.h\(size).timestep_pad_mask")
        var window = ObservationWindow(size: size)
        for step in 0..<7 {
            window.append([image(step)])
            let row = step * size..<(step + 1) * size
            #expect(try frames(in: window) == indices[row].map(Int.init), "after step \(step)")
            #expect(window.padMask == masks[row].map { $0 != 0 }, "after step \(step)")
        }
    }

    @Test func startsANewHistoryAfterItWasEmptied() throws {
        var window = ObservationWindow(size: 2)
        window.append([image(1)])
        window.append([image(2)])
        window.removeAll()
        #expect(window.isEmpty)
        #expect(window.pixels(of: Self.camera, at: 0) == nil)
        window.append([image(3)])
        #expect(try frames(in: window) == [3, 3])
        #expect(window.padMask == [false, true])
    }

    @Test func aCameraThatShowsNothingIsBlackAndMasked() throws {
        var window = ObservationWindow(size: 3)
        window.append([image(1), nil])
        #expect(window.padMask(at: 0) == [] && window.padMask(at: 1) == [false, false, false])
        window.append([image(2), image(102)])
        window.append([image(3), nil])
        #expect(window.padMask(at: 1) == [false, true, false])
        #expect(try pixels(of: window, camera: 1) == [0, 0, 0, 102, 102, 102, 0, 0, 0])
        #expect(try pixels(of: window, camera: 0) == [1, 1, 1, 2, 2, 2, 3, 3, 3])
        window.append([image(4), image(104)])
        window.append([image(5), image(105)])
        window.append([image(6), image(106)])
        #expect(window.padMask(at: 1) == [])
        var single = ObservationWindow(size: 1)
        single.append([nil])
        #expect(try pixels(of: single, camera: 0) == [0, 0, 0] && single.padMask(at: 0) == [false])
    }

    @Test func keepsCamerasApart() throws {
        var window = ObservationWindow(size: 2)
        window.append([image(1), image(101)])
        window.append([image(2), image(102)])
        #expect(try pixels(of: window, camera: 0).first == 1)
        #expect(try pixels(of: window, camera: 1).first == 101)
        #expect(try pixels(of: window, camera: 1).last == 102)
    }
}
