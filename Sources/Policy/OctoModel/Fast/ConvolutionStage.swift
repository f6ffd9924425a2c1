import CKernels

/// One convolution of an image encoder, with the norm and the ReLU behind it, for images of one size.
struct ConvolutionStage {
    private let convolution: octo_convolution
    private let weights: PackedDense
    private let norm: NormVectors?
    /// Height of the input, pixels.
    private let height: Int
    /// Width of the input, pixels.
    private let width: Int
    /// Size of the output, pixels.
    let outputSize: (height: Int, width: Int)
    /// Numbers of the output, `[height, width, features]`.
    let outputs: Int

    /// Packs the convolution's weights for images of one size.
    /// - Parameter norm: norm before the ReLU; nil leaves norm and ReLU out.
    init(
        _ convolution: Convolution, norm: GroupNorm?, height: Int, width: Int, precision: octo_precision
    ) {
        weights = PackedDense([convolution.dense], precision)
        self.convolution = octo_convolution(
            kernel: Int32(convolution.kernelSize), stride: Int32(convolution.stride),
            padding: Int32(convolution.padding), channels: Int32(convolution.channels), dense: weights.layer)
        self.norm = norm.map(NormVectors.init)
        self.height = height
        self.width = width
        func size(_ size: Int) -> Int {
            Convolution.outputSize(
                size, kernel: convolution.kernelSize, stride: convolution.stride, padding: convolution.padding)
        }
        outputSize = (size(height), size(width))
        outputs = outputSize.height * outputSize.width * convolution.dense.outputs
    }

    func scratchBytes(_ team: WorkerTeam) -> Int {
        var convolution = convolution
        return max(
            octo_convolution_scratch_bytes(team.handle, &convolution, Int32(height), Int32(width)),
            octo_group_norm_scratch_bytes(team.handle, Int32(weights.outputs)))
    }

    /// Runs the stage on one image.
    /// - Parameter residual: numbers that are added before the norm, as many as the output has; nil adds none.
    func run(
        _ team: WorkerTeam, _ x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>,
        residual: UnsafePointer<Float>?, scratch: AlignedMemory
    ) {
        team.floatingPointOperations += 2 * outputs * weights.inputs
        var convolution = convolution
        octo_convolve(team.handle, &convolution, x, Int32(height), Int32(width), y, residual, scratch.bytes)
        guard let norm else { return }
        octo_group_norm_relu(
            team.handle, y, Int32(outputs / weights.outputs), Int32(weights.outputs), Int32(GroupNorm.groups),
            norm.scale.pointer, norm.bias.pointer, GroupNorm.epsilon, scratch.bytes)
    }
}

extension Convolution {
    /// The part of the convolution that reads some of the input's channels.
    /// - Parameter keepsBias: whether this part adds the bias, which only one of the parts that are summed may.
    func slice(ofChannels part: Range<Int>, of channels: Int, keepsBias: Bool) -> Convolution {
        precondition(channels * kernelSize * kernelSize == dense.inputs, "a kernel over \(channels) channels")
        let outputs = dense.outputs
        var kernel: [Float] = []
        kernel.reserveCapacity(kernelSize * kernelSize * part.count * outputs)
        for position in 0..<kernelSize * kernelSize {
            let rows = position * channels + part.lowerBound..<position * channels + part.upperBound
            kernel += dense.kernel[rows.lowerBound * outputs..<rows.upperBound * outputs]
        }
        return Convolution(
            kernelSize: kernelSize, stride: stride, padding: padding,
            dense: Dense(
                inputs: kernelSize * kernelSize * part.count, outputs: outputs, kernel: kernel,
                bias: keepsBias ? dense.bias : nil))
    }
}
