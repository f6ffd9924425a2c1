import CKernels
import Foundation
import TestSupport
import Testing

extension KernelTests {
    @Suite struct ElementwiseTests {
        @Test(arguments: KernelSet.allCases, [OCTO_LINEAR, OCTO_GELU_TANH, OCTO_SWISH, OCTO_RELU])
        func activationsAreRightToSixDigits(set: KernelSet, activation: octo_activation) {
            guard set.select() else { return }
            let inputs = (-40000...40000).map { Float($0) / 1000 }
            let x = Floats(inputs)
            octo_activate(activation, x.address, Int32(x.count))
            for (input, output) in zip(inputs, x.values) {
                let error = abs(Double(output) - DenseRun.activated(activation, Double(input)))
                if error > 4e-7 * max(1, abs(Double(input))) {
                    Issue.record("\(input) became \(output), off by \(error)")
                    return
                }
            }
        }

        @Test(arguments: KernelSet.allCases, [OCTO_GELU_TANH, OCTO_SWISH, OCTO_RELU])
        func activationsOfExtremesAreTheirLimits(set: KernelSet, activation: octo_activation) {
            guard set.select() else { return }
            for size in [Float(100), 1e10, 1e30, .greatestFiniteMagnitude] {
                let x = Floats([size, -size, 0])
                octo_activate(activation, x.address, 3)
                #expect(x[0] == size)
                // Swish of a large negative number is that number times e^x; ours stops at e^-88.
                #expect(abs(x[1]) <= size * 1e-37)
                #expect(x[2] == 0)
            }
            let x = Floats([.nan])
            octo_activate(activation, x.address, 1)
            #expect(x[0].isNaN)
        }

        @Test(arguments: KernelSet.allCases)
        func onlyThePartAskedForIsActivated(set: KernelSet) {
            guard set.select() else { return }
            for count in 0...40 {
                let x = Floats(count: 41, value: -1)
                octo_activate(OCTO_RELU, x.address, Int32(count))
                #expect(x.values == [Float](repeating: 0, count: count) + [Float](repeating: -1, count: 41 - count))
            }
        }

        @Test(arguments: KernelSet.allCases, [Float.nan, .infinity, -.infinity])
        func oneNumberThatIsNotFiniteIsFoundAnywhere(set: KernelSet, poison: Float) {
            guard set.select() else { return }
            for count in [1, 7, 16, 33, 50] {
                let x = Floats(count: count, value: .greatestFiniteMagnitude)
                #expect(octo_all_finite(x.address, count))
                for position in 0..<count {
                    x.address[position] = poison
                    #expect(!octo_all_finite(x.address, count))
                    #expect(octo_all_finite(x.address, position))
                    x.address[position] = -0.0
                }
                #expect(octo_all_finite(x.address, count))
            }
            #expect(octo_all_finite(Floats([]).address, 0))
        }

        @Test(arguments: [1, 15, 16, 17, 100])
        func imagesAreScaledByChannel(pixels: Int) {
            let rgb = (0..<3 * pixels).map { UInt8(truncatingIfNeeded: $0 * 37) }
            let scale: [Float] = [2, 0.5, 1 / 127.5]
            let shift: [Float] = [0, 3, -1]
            let y = Floats(count: 3 * pixels, value: 0)
            octo_image_to_float(rgb, Int32(pixels), scale, shift, y.address)
            for i in 0..<3 * pixels {
                let expected = Double(rgb[i]) * Double(scale[i % 3]) + Double(shift[i % 3])
                #expect(abs(Double(y[i]) - expected) < 1e-4)
            }
        }
    }

    @Suite struct DispatchTests {
        @Test func anUnknownNameChangesNothing() throws {
            #expect(octo_kernels_select("portable"))
            #expect(!octo_kernels_select("abacus"))
            #expect(String(cString: try #require(octo_kernels_name(OCTO_FLOAT32))) == "portable")
        }

        @Test(arguments: KernelSet.allCases) func theNameSaysWhatIsInUse(set: KernelSet) throws {
            guard set.select() else { return }
            #expect(String(cString: try #require(octo_kernels_name(OCTO_FLOAT32))) == set.rawValue)
        }
    }
}
