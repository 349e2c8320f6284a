import { classRefusal, errorRefusal, internalError, type Refusal } from "./reply.ts";
import type { ServerProcess } from "./server-process.ts";

/** Why the model could not do its part, as each call tells it. No answer names the document. */
export interface ModelFault {
  readonly errorClass: string;
  /** The chat went well, so that the graph was begun. */
  readonly isAfterChat: boolean;
  /** Answer of a blocking cognify. */
  readonly onCognify: Refusal;
  /** Answer of an update, in place or by full rebuild. */
  readonly onUpdate: Refusal;
}

type Model = Pick<ServerProcess, "knobs" | "poison">;

/** Asks the model about a text: undefined when it answers well. */
export function askModel(model: Model, text: string): ModelFault | undefined {
  const trouble = troubleWith(model, text);
  return trouble === undefined ? undefined : FAULTS[trouble];
}

/** Has a question embedded, or refuses the search. */
export function askEmbedding(model: Model, query: string): void {
  const trouble = troubleWith(model, query);
  if (trouble === "away") throw classRefusal(422, "EmbeddingException", `Embedding failed (${AWAY}).`);
  if (trouble === "unembeddable") throw FAULTS.unembeddable.onCognify;
}

const AWAY = "litellm.InternalServerError: InternalServerError: OpenAIException - Connection error.";
const UNREADABLE = "1 validation error for KnowledgeGraph\n  Invalid JSON: expected value at line 1 column 1";
const NO_MONEY = "LLM provider requires payment or token budget is exhausted.";

/** Every kind of trouble as the real server was seen to tell it. */
const FAULTS = {
  away: crash("InternalServerError", AWAY),
  401: crash("AuthenticationError", "litellm.AuthenticationError: AuthenticationError: OpenAIException"),
  404: crash("NotFoundError", "litellm.NotFoundError: NotFoundError: OpenAIException"),
  402: {
    errorClass: "LLMPaymentRequiredError",
    isAfterChat: false,
    onCognify: errorRefusal(402, "Token budget exhausted", `LLMPaymentRequiredError: ${NO_MONEY} (Status code: 402)`),
    onUpdate: classRefusal(402, "LLMPaymentRequiredError", NO_MONEY),
  },
  unreadable: {
    errorClass: "ValidationError",
    isAfterChat: false,
    onCognify: errorRefusal(409, UNREADABLE, null),
    onUpdate: internalError(UNREADABLE),
  },
  unembeddable: {
    ...crash("BadRequestError", "litellm.BadRequestError: OpenAIException - Error code: 400"),
    isAfterChat: true,
  },
} as const satisfies Record<string, ModelFault>;

function troubleWith({ knobs, poison }: Model, text: string): keyof typeof FAULTS | undefined {
  if (knobs.modelAway) return "away";
  return knobs.modelStatus ?? [...poison].find(([word]) => text.includes(word))?.[1];
}

function crash(errorClass: string, message: string): ModelFault {
  return { errorClass, isAfterChat: false, onCognify: internalError(message), onUpdate: internalError(message) };
}
