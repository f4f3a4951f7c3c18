import { type Colours, isHdr } from "./facts.js";

/** How much of the red, green and blue light of other primaries is in that of sRGB: rows of three. */
type Mix = readonly [number, number, number, number, number, number, number, number, number];

const BT2020: Mix = [1.6605, -0.5876, -0.0728, -0.1246, 1.1329, -0.0083, -0.0182, -0.1006, 1.1187];
/**
 * By the names of ffmpeg. Those of standard definition are so near to sRGB's that viewers show them as these; the others are of
 * film and of laboratories.
 */
const MIXES: Readonly<Record<string, Mix>> = {
  bt2020: BT2020,
  smpte431: [1.1575, -0.155, -0.0026, -0.0415, 1.0456, -0.0041, -0.0181, -0.0786, 1.0966], // P3 of cinemas
  smpte432: [1.2249, -0.2249, 0, -0.0421, 1.0421, 0, -0.0196, -0.0786, 1.0983], // Display P3
};

/** What ffmpeg's scaler makes RGB of. It takes all others for BT.601, and they come out in wrong colours. */
const MATRICES: ReadonlySet<string> = new Set(["gbr", "bt709", "fcc", "bt470bg", "smpte170m", "smpte240m", "bt2020nc"]);

const NAMES: Readonly<Record<string, string>> = {
  ycgco: "YCgCo",
  ictcp: "ICtCp",
  bt2020c: "BT.2020 with constant luminance",
};

/** How the colours are coded, where that is not converted. */
export function notConverted({ matrix }: Colours): string | undefined {
  return matrix === undefined || MATRICES.has(matrix) ? undefined : (NAMES[matrix] ?? matrix);
}

/**
 * The filters from RGB samples with 16 bits, as they are coded, to those of sRGB; none for what is shown as it is. The curves of
 * cameras are shown as sRGB's is, as viewers do; PQ and HLG as images of these are (`media/colours`). They are filters that every
 * ffmpeg has.
 */
export function toSrgb(colours: Colours): readonly string[] {
  const mix = mixOf(colours);
  if (mix === undefined && !isHdr(colours)) return [];
  return [curve(lightOf(colours)), ...(mix === undefined ? [] : [mixer(mix)]), curve(SRGB_SAMPLE)];
}

/** PQ and HLG come with BT.2020, where they do not say it. */
function mixOf(colours: Colours): Mix | undefined {
  const { primaries } = colours;
  return primaries === undefined && isHdr(colours) ? BT2020 : MIXES[primaries ?? ""];
}

/** A curve for all three; in it, `ld(0)` is the sample, and what comes out is one, both from 0 to 1. */
function curve(expression: string): string {
  const whole = `'st(0,val/65535);65535*clip(${expression},0,1)'`;
  return `lutrgb=r=${whole}:g=${whole}:b=${whole}`;
}

function mixer(mix: Mix): string {
  const names = ["rr", "rg", "rb", "gr", "gg", "gb", "br", "bg", "bb"];
  return `colorchannelmixer=${names.map((name, index) => `${name}=${mix[index]}`).join(":")}`;
}

const SRGB_LIGHT = "if(lte(ld(0),0.04045),ld(0)/12.92,pow((ld(0)+0.055)/1.055,2.4))";
/** One of the 256, so that none is lost when the lower bits are cut off. */
const SRGB_SAMPLE = "round(255*if(lte(ld(0),0.0031308),12.92*ld(0),1.055*pow(ld(0),1/2.4)-0.055))/255";

function lightOf(colours: Colours): string {
  if (!isHdr(colours)) return SRGB_LIGHT;
  return toneMapped(colours.transfer === "smpte2084" ? "ld(0)" : pqSample(HLG_LIGHT));
}

/** Where HDR has white paper (ITU-R BT.2408), and the brightest that is expected of it, in candela per square metre. */
const [WHITE, PEAK] = [203, 1000] as const;
/** The same as samples of PQ. */
const [PQ_WHITE, PQ_PEAK] = [0.580689, 0.751827] as const;
const [M1, M2] = [2610 / 16384, 2523 / 32] as const;
const [C1, C2, C3] = [3424 / 4096, 2413 / 128, 2392 / 128] as const;

/** The curve of ITU-R BT.2390: straight up to a knee, from there a spline that ends at white where light is at its peak. */
function toneMapped(sample: string): string {
  const most = PQ_WHITE / PQ_PEAK;
  const knee = 1.5 * most - 0.5;
  const value = `st(1,min(1,(${sample})/${PQ_PEAK}))`;
  const t = `st(2,(ld(1)-${knee})/${1 - knee})`;
  const [t2, t3] = ["ld(2)*ld(2)", "ld(2)*ld(2)*ld(2)"];
  const spline = `(2*${t3}-3*${t2}+1)*${knee}+(${t3}-2*${t2}+ld(2))*${1 - knee}+(3*${t2}-2*${t3})*${most}`;
  return `${value};${t};(${pqLight(`${PQ_PEAK}*if(lt(ld(1),${knee}),ld(1),${spline})`)})/${WHITE}`;
}

const pqLight = (sample: string) =>
  `st(3,pow(${sample},${1 / M2}));${10_000}*pow(max(ld(3)-${C1},0)/(${C2}-${C3}*ld(3)),${1 / M1})`;

const pqSample = (light: string) =>
  `st(4,pow((${light})/${10_000},${M1}));pow((${C1}+${C2}*ld(4))/(1+${C3}*ld(4)),${M2})`;

/** On a display of that peak (ITU-R BT.2100). Its contrast is given to each channel by itself. */
const HLG_LIGHT = `${PEAK}*pow(if(lte(ld(0),0.5),ld(0)*ld(0)/3,(exp((ld(0)-0.55991073)/0.17883277)+0.28466892)/12),1.2)`;
