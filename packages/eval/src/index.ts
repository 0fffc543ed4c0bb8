export { FeatureError, ProtocolError, TooFewSamplesError, WeightsUnavailableError } from './errors.js';
export { features, type Features, type FeatureSource } from './features.js';
export {
  decodeMoments,
  encodeMoments,
  featureMoments,
  momentsOf,
  type FeatureMoments,
  type Moments,
} from './moments.js';
export { momentsFromNpz, momentsToNpz, type NpzMomentsOptions } from './statistics/npz-moments.js';
export { decodeNpz, encodeNpz, npzNames, type NpzOptions } from './statistics/npz.js';
export {
  compare,
  PROTOCOL_VERSION,
  protocolText,
  type Comparison,
  type MetricResult,
  type Protocol,
} from './protocol.js';
export {
  frechetDistance,
  frechetDistanceOfFeatures,
  frechetReference,
  type FrechetOptions,
  type FrechetReference,
  type FrechetReferenceOptions,
} from './metrics/frechet-distance.js';
export { fdInfinity } from './metrics/fd-infinity.js';
export { kernelDistance, type KernelDistanceOptions } from './metrics/kernel-distance.js';
export { inceptionScore } from './metrics/inception-score.js';
export { precisionRecall, precisionRecallOnRuntime, type PrecisionRecall } from './metrics/precision-recall.js';
export { densityCoverage, type DensityCoverage } from './metrics/density-coverage.js';
export { clipScore } from './metrics/clip-score.js';
export { slicedWasserstein } from './metrics/sliced-wasserstein.js';
export { nearestNeighbours, type Neighbour } from './metrics/nearest-neighbours.js';
export { mind } from './metrics/mind.js';
export { energyDistance } from './metrics/energy-distance.js';
export { extractBatches, extractFeatures, type Batches, type Extractor } from './extractors/extractor.js';
export { datasetBatches } from './extractors/dataset-batches.js';
export { extractMoments } from './extractors/extract-moments.js';
export { opaqueExtractor, type OpaqueExtractorOptions } from './extractors/opaque-extractor.js';
export { moduleExtractor, type ModuleExtractorOptions } from './extractors/module-extractor.js';
export { randomConvolution, type RandomConvolutionOptions } from './extractors/random-convolution.js';
export { evaluation, type EvaluationOptions } from './callbacks/evaluation.js';
export { mapErrorByLength, type MapError, type MapErrorOptions } from './instruments/map-error.js';
export { velocityDrift, type Drift, type VelocityDriftOptions } from './instruments/velocity-drift.js';
export type { InstrumentOptions } from './instruments/fields.js';
export { plainLinearAlgebra, type LinearAlgebra } from './linear-algebra/linear-algebra.js';
export type { PivotedCholesky } from './linear-algebra/pivoted-cholesky.js';
export type { ProductShape } from './linear-algebra/products.js';
export {
  EFFICIENTNET_LITE0_SIZE,
  EFFICIENTNET_LITE0_WIDTH,
  efficientNetLite0Features,
} from './networks/efficientnet-lite0.js';
export { efficientNetLite0, type EfficientNetLite0Options } from './extractors/efficientnet-lite0.js';
export { inceptionNetwork, inceptionParameters, type InceptionOutputs } from './networks/inception.js';
export {
  inception,
  inceptionOutputs,
  type InceptionConvention,
  type InceptionOptions,
  type InceptionOutput,
  type InceptionOutputsOptions,
  type OutputsExtractor,
} from './extractors/inception.js';
export { dinov2Network, dinov2Parameters, type Dinov2Config } from './networks/dinov2.js';
export { dinov2, type Dinov2Options } from './extractors/dinov2.js';
export { clipImageNetwork, clipTextNetwork, type ClipImageConfig, type ClipTextConfig } from './networks/clip.js';
export { clipParameters, type ClipEncoder } from './networks/clip-parameters.js';
export { clip, type Clip, type ClipOptions } from './extractors/clip.js';
export { clipTokenizer, type Tokenizer } from './text/clip-tokenizer.js';
export { quantize, resizeImages, type ResizeConvention } from './preprocessing/resize-images.js';
export { decodeTorchFile, type TorchFileLimits } from './weights/torch-file.js';
export { barChart, type BarChart } from './report/bar-chart.js';
export type { ChartAxis, ChartRole } from './report/chart.js';
export { CHART_STYLE } from './report/chart-style.js';
export { classTable, distanceChart, type DistanceChartOptions, type DistanceCurve } from './report/distance-chart.js';
export { evaluationSection } from './report/evaluation-section.js';
export { finetuningSection } from './report/finetuning-section.js';
export { instrumentCharts, type InstrumentReadings, type LengthShare } from './report/instrument-charts.js';
export { lineChart, type ChartLine, type LineChart } from './report/line-chart.js';
export { objectiveSection, type ObjectiveSectionOptions } from './report/objective-section.js';
export {
  renderReport,
  type Facts,
  type Report,
  type ReportFigure,
  type ReportPicture,
  type ReportSection,
  type ReportTable,
} from './report/report.js';
export { stripComparison, type LabelledStrip } from './report/strip-comparison.js';
export { durationText, numberText } from './report/words.js';
