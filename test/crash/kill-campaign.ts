import { Command } from "commander";
import { runCampaign } from "./campaign.ts";

/** Kills asked for by the issue. */
const KILLS_DEFAULT = "50";
/** Accounts in the simulated CRM. */
const ACCOUNTS_DEFAULT = "200";
/** Seeds are 31-bit, so that they are typed easily. */
const SEED_MAX = 2 ** 31;

const program = new Command("kill-campaign")
  .description("kills memhook under load, again and again, and proves that nothing was lost")
  .option("--kills <n>", "how often", KILLS_DEFAULT)
  .option("--seed <n>", "repeats a run", String(Math.floor(Math.random() * SEED_MAX)))
  .option("--accounts <n>", "accounts in the simulated CRM", ACCOUNTS_DEFAULT)
  .parse();
const options = program.opts<{ kills: string; seed: string; accounts: string }>();

const result = await runCampaign({
  kills: Number(options.kills),
  seed: Number(options.seed),
  accounts: Number(options.accounts),
  say: (line) => void process.stderr.write(`${line}\n`),
});
process.stdout.write(`${JSON.stringify(result, null, 2)}\n`);
process.exitCode = result.verdict.wrongs.length === 0 ? 0 : 1;
