"""Layers in the notation of other tools and lectures, with the shape, parameters and buffers that they have there.

`test_foreign.py` pastes what cnncalc suggests. The module of the same name in tests/oracle checks the numbers with PyTorch and
Keras.
"""

from __future__ import annotations

from typing import NamedTuple


class Case(NamedTuple):
    """The text after a dash, the input (channels last), the output, and the parameters."""

    written: str
    input: str
    output: str
    params: int


PYTORCH = [
    Case("nn.Conv2d(3, 16, 3)", "32x32x3", "30x30x16", 448),
    Case("nn.Conv2d(3, 16, 3, padding=1)", "32x32x3", "32x32x16", 448),
    Case("nn.Conv2d(3, 16, kernel_size=(3, 5), stride=(2, 1), padding=(1, 2))", "32x32x3", "16x32x16", 736),
    Case("nn.Conv2d(in_channels=4, out_channels=8, kernel_size=3, groups=2, bias=False)", "9x9x4", "7x7x8", 144),
    Case("nn.Conv2d(3, 16, 3, padding='same', dilation=2)", "32x32x3", "32x32x16", 448),
    Case("nn.Conv2d(3, 16, 3, padding=1, padding_mode='reflect')", "32x32x3", "32x32x16", 448),
    Case("nn.Conv1d(12, 16, 3)", "50x12", "48x16", 592),
    Case("nn.Conv3d(3, 8, 3, 1, 1)", "8x16x16x3", "8x16x16x8", 656),
    Case("nn.LazyConv2d(16, 3)", "32x32x3", "30x30x16", 448),
    Case("nn.ConvTranspose2d(8, 4, 2, stride=2)", "7x7x8", "14x14x4", 132),
    Case("nn.ConvTranspose2d(8, 4, 3, 2, 1, output_padding=1)", "7x7x8", "14x14x4", 292),
    Case("nn.Linear(20, 10)", "20", "10", 210),
    Case("nn.Linear(20, 10, bias=False)", "7x20", "7x10", 200),
    Case("nn.LazyLinear(10)", "20", "10", 210),
    Case("nn.BatchNorm2d(8)", "5x5x8", "5x5x8", 16),
    Case("nn.BatchNorm2d(8, affine=False)", "5x5x8", "5x5x8", 0),
    Case("nn.BatchNorm1d(8, eps=0.001)", "20x8", "20x8", 16),
    Case("nn.InstanceNorm2d(8)", "5x5x8", "5x5x8", 0),
    Case("nn.InstanceNorm2d(8, affine=True)", "5x5x8", "5x5x8", 16),
    Case("nn.LayerNorm(8)", "5x8", "5x8", 16),
    Case("nn.LayerNorm(8, bias=False)", "5x8", "5x8", 8),
    Case("nn.LayerNorm(8, elementwise_affine=False)", "5x8", "5x8", 0),
    Case("nn.RMSNorm(8)", "5x8", "5x8", 8),
    Case("nn.GroupNorm(2, 8)", "5x5x8", "5x5x8", 16),
    Case("nn.LocalResponseNorm(5)", "5x5x8", "5x5x8", 0),
    Case("nn.MaxPool2d(2)", "9x9x8", "4x4x8", 0),
    Case("nn.MaxPool2d(3, 2, 1)", "9x9x8", "5x5x8", 0),
    Case("nn.MaxPool2d(kernel_size=2, ceil_mode=True)", "9x9x8", "5x5x8", 0),
    Case("nn.MaxPool1d(2)", "9x8", "4x8", 0),
    Case("nn.AvgPool2d((2, 3))", "9x9x8", "4x3x8", 0),
    Case("nn.AdaptiveAvgPool2d((1, 1))", "9x9x8", "1x1x8", 0),
    Case("nn.AdaptiveAvgPool2d((2, 3))", "9x9x8", "2x3x8", 0),
    Case("nn.AdaptiveMaxPool2d(3)", "9x9x8", "3x3x8", 0),
    Case("nn.Dropout(0.5)", "9x9x8", "9x9x8", 0),
    Case("nn.Dropout2d(p=0.2)", "9x9x8", "9x9x8", 0),
    Case("nn.Embedding(100, 16)", "12", "12x16", 1600),
    Case("nn.LSTM(10, 16, batch_first=True)", "7x10", "7x16", 1792),
    Case("nn.LSTM(10, 16, num_layers=2, bidirectional=True)", "7x10", "7x32", 9984),
    Case("nn.LSTM(10, 16, bias=False)", "7x10", "7x16", 1664),
    Case("nn.GRU(10, 16)", "7x10", "7x16", 1344),
    Case("nn.RNN(10, 16)", "7x10", "7x16", 448),
    Case("nn.PReLU()", "5x5x8", "5x5x8", 1),
    Case("nn.PReLU(8)", "5x5x8", "5x5x8", 8),
    Case("nn.TransformerEncoderLayer(32, 4, 64)", "7x32", "7x32", 8544),
    Case("nn.TransformerEncoderLayer(d_model=32, nhead=4, dim_feedforward=64, norm_first=True)", "7x32", "7x32", 8544),
    Case("nn.Upsample(scale_factor=2)", "5x5x8", "10x10x8", 0),
    Case("nn.Upsample(size=(7, 9), mode='bilinear')", "5x5x8", "7x9x8", 0),
    Case("nn.UpsamplingNearest2d(scale_factor=3)", "5x5x8", "15x15x8", 0),
    Case("nn.PixelShuffle(2)", "5x5x8", "10x10x2", 0),
    Case("nn.PixelUnshuffle(2)", "6x6x8", "3x3x32", 0),
    Case("nn.ChannelShuffle(2)", "5x5x8", "5x5x8", 0),
    Case("nn.ZeroPad2d((1, 2, 3, 4))", "5x5x8", "12x8x8", 0),
    Case("nn.ReflectionPad2d(2)", "5x5x8", "9x9x8", 0),
    Case("nn.ReplicationPad2d(1)", "5x5x8", "7x7x8", 0),
    Case("nn.ConstantPad2d(1, 0.5)", "5x5x8", "7x7x8", 0),
    Case("nn.Flatten()", "5x5x8", "200", 0),
    Case("nn.Identity()", "5x5x8", "5x5x8", 0),
    Case("nn.ReLU()", "5x5x8", "5x5x8", 0),
    Case("nn.ReLU(inplace=True)", "5x5x8", "5x5x8", 0),
    Case("nn.LeakyReLU(0.1)", "5x5x8", "5x5x8", 0),
    Case("nn.GELU()", "5x5x8", "5x5x8", 0),
    Case("nn.Softmax(dim=1)", "8", "8", 0),
    Case("nn.Softshrink()", "8", "8", 0),
    Case("nn.GLU()", "5x8", "5x4", 0),
    Case("nn.CELU(1.0)", "8", "8", 0),
    Case("nn.Hardtanh(-1, 1)", "8", "8", 0),
    Case("nn.CircularPad2d(1)", "5x5x8", "7x7x8", 0),
    Case("nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2))", "32x32x3", "15x15x8", 224),
]

KERAS = [
    Case("Conv2D(16, 3)", "32x32x3", "30x30x16", 448),
    Case("Conv2D(16, (3, 3), padding='same', activation='relu')", "32x32x3", "32x32x16", 448),
    Case("layers.Conv2D(filters=16, kernel_size=3, strides=2, use_bias=False)", "32x32x3", "15x15x16", 432),
    Case("Conv1D(16, 3, padding='same')", "50x12", "50x16", 592),
    Case("DepthwiseConv2D(3, padding='same')", "9x9x8", "9x9x8", 80),
    Case("SeparableConv2D(16, 3, padding='same')", "9x9x8", "9x9x16", 216),
    Case("ConvLSTM2D(4, 3, padding='same')", "5x8x8x3", "8x8x4", 1024),
    Case("ConvLSTM2D(4, 3, return_sequences=True)", "5x8x8x3", "5x6x6x4", 1024),
    Case("Conv2DTranspose(4, 2, strides=2)", "7x7x8", "14x14x4", 132),
    Case("Conv2DTranspose(4, 3, strides=2, padding='same')", "7x7x8", "14x14x4", 292),
    Case("Dense(10)", "20", "10", 210),
    Case("Dense(10, activation='softmax')", "7x20", "7x10", 210),
    Case("MaxPooling2D()", "9x9x8", "4x4x8", 0),
    Case("MaxPooling2D((2, 2), strides=(1, 1))", "9x9x8", "8x8x8", 0),
    Case("MaxPooling2D(pool_size=3, padding='same')", "9x9x8", "3x3x8", 0),
    Case("AveragePooling2D(2)", "9x9x8", "4x4x8", 0),
    Case("GlobalAveragePooling2D()", "9x9x8", "8", 0),
    Case("GlobalAveragePooling2D(keepdims=True)", "9x9x8", "1x1x8", 0),
    Case("GlobalMaxPooling2D()", "9x9x8", "8", 0),
    Case("BatchNormalization()", "5x5x8", "5x5x8", 16),
    Case("BatchNormalization(scale=False)", "5x5x8", "5x5x8", 8),
    Case("LayerNormalization()", "5x8", "5x8", 16),
    Case("GroupNormalization(4)", "5x5x8", "5x5x8", 16),
    Case("UpSampling2D()", "5x5x8", "10x10x8", 0),
    Case("UpSampling2D(size=(2, 3))", "5x5x8", "10x15x8", 0),
    Case("ZeroPadding2D()", "5x5x8", "7x7x8", 0),
    Case("ZeroPadding2D(((1, 0), (2, 3)))", "5x5x8", "6x10x8", 0),
    Case("Embedding(100, 16)", "12", "12x16", 1600),
    Case("LSTM(16)", "7x10", "16", 1728),
    Case("LSTM(16, return_sequences=True)", "7x10", "7x16", 1728),
    Case("GRU(16)", "7x10", "16", 1344),
    Case("SimpleRNN(16)", "7x10", "16", 432),
    Case("Bidirectional(LSTM(16))", "7x10", "32", 3456),
    Case("TimeDistributed(Dense(10))", "7x20", "7x10", 210),
    Case("Activation('relu')", "5x5x8", "5x5x8", 0),
    Case("ReLU(max_value=6)", "5x5x8", "5x5x8", 0),
    Case("PReLU(shared_axes=(1, 2))", "5x5x8", "5x5x8", 8),
    Case("Reshape((4, 50))", "5x5x8", "4x50", 0),
    Case("Permute((2, 1))", "5x8", "8x5", 0),
    Case("Resizing(7, 9)", "5x5x8", "7x9x8", 0),
    Case("Flatten()", "5x5x8", "200", 0),
    Case("SpatialDropout2D(0.3)", "5x5x8", "5x5x8", 0),
]

# as steps of a file, and as other tools write them that the tests do not run
OTHERS = [
    Case("Conv2d: [3, 16, 3]", "32x32x3", "30x30x16", 448),
    Case("Conv2d: {in_channels: 3, out_channels: 16, kernel_size: 3, padding: 1}", "32x32x3", "32x32x16", 448),
    Case("Conv2D: [16, 3]", "32x32x3", "30x30x16", 448),
    Case("Conv2D: {filters: 16, kernel_size: (3, 3), strides: 2, padding: same, activation: relu}", "32x32x3", "16x16x16", 448),
    Case("Convolution2D(16, 3, 3, border_mode='same', subsample=(2, 2))", "32x32x3", "16x16x16", 448),
    Case("Linear: [20, 10]", "20", "10", 210),
    Case("Dense: 10", "20", "10", 210),
    Case("LSTM: 16", "7x10", "16", 1728),
    Case("LSTM: {input_size: 10, hidden_size: 16}", "7x10", "7x16", 1792),
    Case("Bidirectional: {LSTM: 16}", "7x10", "32", 3456),
    Case("TimeDistributed: {Dense: 10}", "7x20", "7x10", 210),
    Case("Activation: relu", "5x5x8", "5x5x8", 0),
    Case("MaxPooling2D: {pool_size: (2, 2)}", "9x9x8", "4x4x8", 0),
    Case("Sequential: [nn.Conv2d(3, 8, 3), nn.ReLU()]", "32x32x3", "30x30x8", 224),
    Case("model.add(Conv2D(16, (3, 3), activation='relu', input_shape=(32, 32, 3)))", "32x32x3", "30x30x16", 448),
    Case("self.conv1 = nn.Conv2d(3, 16, 3)", "32x32x3", "30x30x16", 448),
    Case("x = MaxPooling2D((2, 2))(x)", "9x9x8", "4x4x8", 0),
    Case("F.relu(x)", "5x5x8", "5x5x8", 0),
    Case("F.max_pool2d(x, 2)", "9x9x8", "4x4x8", 0),
    Case("conv(16, 3, padding=1)", "32x32x3", "32x32x16", 448),
    Case("Convolution: {num_output: 20, kernel_size: 5}", "28x28x1", "24x24x20", 520),
    Case("Convolution: {convolution_param: {num_output: 20, kernel_size: 5, stride: 2}}", "28x28x1", "12x12x20", 520),
    Case("Pooling: {pool: MAX, kernel_size: 3, stride: 2}", "24x24x8", "12x12x8", 0),
    Case("Pooling: {pool: AVE, kernel_size: 2}", "24x24x8", "23x23x8", 0),
    Case("Pooling: {pool: AVE, global_pooling: true}", "24x24x8", "8", 0),
    Case("InnerProduct: {num_output: 500}", "5x5x8", "500", 100_500),
    Case("convolutional: {filters: 16, size: 3, stride: 1, pad: 1, batch_normalize: 1, activation: leaky}", "32x32x3",
         "32x32x16", 464),
    Case("Conv2DLayer: {num_filters: 8, filter_size: 5}", "28x28x1", "24x24x8", 208),
    Case("DenseLayer: {num_units: 10}", "20", "10", 210),
    Case("convolution2dLayer(3, 16, 'Padding', 'same')", "32x32x3", "32x32x16", 448),
    Case("maxPooling2dLayer(2, 'Stride', 2)", "9x9x8", "4x4x8", 0),
    Case("maxPooling2dLayer(2)", "9x9x8", "8x8x8", 0),
    Case("fullyConnectedLayer(10)", "5x5x8", "10", 2010),
    Case("reluLayer", "5x5x8", "5x5x8", 0),
    Case("batchNormalizationLayer", "5x5x8", "5x5x8", 16),
    Case("lstmLayer(16, 'OutputMode', 'last')", "7x10", "16", 1728),
    Case("CONV3-64", "32x32x3", "32x32x64", 1792),
    Case("conv3-64", "32x32x3", "32x32x64", 1792),
    Case("3x3 conv, 64", "32x32x3", "32x32x64", 1792),
    Case("7x7 conv, 64, /2", "32x32x3", "16x16x64", 9472),
    Case("conv 16 3", "32x32x3", "30x30x16", 448),
    Case("Conv2d 3 16 3", "32x32x3", "30x30x16", 448),
    Case("conv: filters=16, kernel=3, pad=1", "32x32x3", "32x32x16", 448),
    Case("CONV5-16/2p0", "32x32x3", "14x14x16", 1216),
    Case("POOL2", "9x9x8", "4x4x8", 0),
    Case("FC-10", "5x5x8", "10", 2010),
    Case("FC10", "5x5x8", "10", 2010),
    Case("DROPOUT0.5", "5x5x8", "5x5x8", 0),
    Case("CONV3-8 -> RELU -> POOL2", "32x32x3", "16x16x8", 224),
    Case('"[CONV3-8 -> RELU]*2 -> POOL2"', "32x32x3", "16x16x8", 808),
    Case("relu x3", "5x5x8", "5x5x8", 0),
    Case("relu,", "5x5x8", "5x5x8", 0),
    Case("{lstm: 16, returns: last}", "7x10", "16", 1728),
    Case("leakyrelu: 0.1", "5x5x8", "5x5x8", 0),
]  # fmt: skip

# names of PyTorch's modules, all of torch.nn 2.13
MODULES = """
AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveLogSoftmaxWithLoss AdaptiveMaxPool1d AdaptiveMaxPool2d
AdaptiveMaxPool3d AlphaDropout AvgPool1d AvgPool2d AvgPool3d BCELoss BCEWithLogitsLoss BatchNorm1d BatchNorm2d BatchNorm3d
Bilinear CELU CTCLoss ChannelShuffle CircularPad1d CircularPad2d CircularPad3d ConstantPad1d ConstantPad2d ConstantPad3d
Container Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d CosineEmbeddingLoss CosineSimilarity
CrossEntropyLoss CrossMapLRN2d DataParallel Dropout Dropout1d Dropout2d Dropout3d ELU Embedding EmbeddingBag
FeatureAlphaDropout Flatten Fold FractionalMaxPool2d FractionalMaxPool3d GELU GLU GRU GRUCell GaussianNLLLoss GroupNorm
Hardshrink Hardsigmoid Hardswish Hardtanh HingeEmbeddingLoss HuberLoss Identity InstanceNorm1d InstanceNorm2d InstanceNorm3d
KLDivLoss L1Loss LPPool1d LPPool2d LPPool3d LSTM LSTMCell LayerNorm LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d
LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d LazyConvTranspose2d LazyConvTranspose3d LazyInstanceNorm1d
LazyInstanceNorm2d LazyInstanceNorm3d LazyLinear LeakyReLU Linear LinearCrossEntropyLoss LocalResponseNorm LogSigmoid
LogSoftmax MSELoss MarginRankingLoss MaxPool1d MaxPool2d MaxPool3d MaxUnpool1d MaxUnpool2d MaxUnpool3d Mish Module ModuleDict
ModuleList MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss MultiheadAttention NLLLoss NLLLoss2d PReLU
PairwiseDistance ParameterDict ParameterList PixelShuffle PixelUnshuffle PoissonNLLLoss RMSNorm RNN RNNBase RNNCell
RNNCellBase RReLU ReLU ReLU6 ReflectionPad1d ReflectionPad2d ReflectionPad3d ReplicationPad1d ReplicationPad2d
ReplicationPad3d SELU Sequential SiLU Sigmoid SmoothL1Loss SoftMarginLoss Softmax Softmax2d Softmin Softplus Softshrink
Softsign SyncBatchNorm Tanh Tanhshrink Threshold Transformer TransformerDecoder TransformerDecoderLayer TransformerEncoder
TransformerEncoderLayer TripletMarginLoss TripletMarginWithDistanceLoss Unflatten Unfold Upsample UpsamplingBilinear2d
UpsamplingNearest2d ZeroPad1d ZeroPad2d ZeroPad3d
"""
