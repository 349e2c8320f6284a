import { Command, Option } from "commander";
import { briefDesign } from "./brief-design.ts";
import { type CampaignOptions, runCampaign } from "./campaign.ts";
import { memhookDesign } from "./memhook-design.ts";
import { runRedisCampaign } from "./redis-campaign.ts";

/** Kills asked for by the issue. */
const KILLS_DEFAULT = "50";
/** Accounts in the simulated CRM. */
const ACCOUNTS_DEFAULT = "200";
/** Seeds are 31-bit, so that they are typed easily. */
const SEED_MAX = 2 ** 31;

const CAMPAIGNS = {
  embedded: runCampaign,
  redis: (options: CampaignOptions) => runRedisCampaign(memhookDesign, options),
  brief: (options: CampaignOptions) => runRedisCampaign(briefDesign, options),
} as const;
type Engine = keyof typeof CAMPAIGNS;
/** What `--engine` may say, and the campaigns that it means. */
const CHOICES: Readonly<Record<string, readonly Engine[]>> = {
  embedded: ["embedded"],
  redis: ["redis"],
  both: ["embedded", "redis"],
  brief: ["brief"],
  all: ["embedded", "redis", "brief"],
};

const program = new Command("kill-campaign")
  .description(
    "kills memhook under load, again and again, and proves that nothing was lost; prints one line of JSON an engine",
  )
  .option("--kills <n>", "how often", KILLS_DEFAULT)
  .option("--seed <n>", "repeats a run", String(Math.floor(Math.random() * SEED_MAX)))
  .option("--accounts <n>", "accounts in the simulated CRM", ACCOUNTS_DEFAULT)
  .addOption(
    new Option(
      "--engine <name>",
      "`brief` takes the same blows with the brief's design, which may lose: it fails no run",
    )
      .choices(Object.keys(CHOICES))
      .default("both"),
  )
  .parse();
const options = program.opts<{ kills: string; seed: string; accounts: string; engine: string }>();

process.exitCode = 0;
for (const engine of CHOICES[options.engine] ?? []) {
  const result = await CAMPAIGNS[engine]({
    kills: Number(options.kills),
    seed: Number(options.seed),
    accounts: Number(options.accounts),
    say: (line) => void process.stderr.write(`${engine}: ${line}\n`),
  });
  process.stdout.write(`${JSON.stringify({ engine, ...result })}\n`);
  if (engine !== "brief" && result.verdict.wrongs.length > 0) process.exitCode = 1;
}
